"""What is known of a TLS connection for as long as it lasts: its client certificate."""

from __future__ import annotations

from aiohttp import web


class Identities:
    """The certificate each connection showed, read from TLS once."""

    def __init__(self) -> None:
        self._certificates: dict[object, bytes | None] = {}

    def certificate(self, http: web.BaseRequest) -> bytes | None:
        """DER, verified by TLS against our CA; None when none was shown."""
        connection = http.protocol
        try:
            return self._certificates[connection]
        except KeyError:
            pass
        tls = http.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        self._certificates[connection] = certificate
        return certificate

    def connection_lost(self, connection: object) -> None:
        self._certificates.pop(connection, None)
