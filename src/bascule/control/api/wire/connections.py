"""What is known of a TLS connection for as long as it lasts: whose it is.

A client certificate is read from TLS and judged once a minute for each connection, not for each request.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from bascule.control.access import authentication, user
from bascule.control.api.wire import request
from bascule.vocabulary import clock

_JUDGED_SECONDS: Final = 60.0


class _Judged(NamedTuple):
    """`who` None: no certificate was shown."""

    who: user.User | None
    until: float


class Identities:
    """Whom each connection's certificate names."""

    def __init__(self, authenticator: authentication.Authenticator, time: clock.Clock) -> None:
        self._authenticator = authenticator
        self._time = time
        self._judged: dict[object, _Judged] = {}

    def holder(self, http: request.Http) -> user.User | None:
        """The holder of the certificate, which TLS has verified against our CA; 401 when it has expired since."""
        connection = http.protocol
        now = self._time.monotonic()
        judged = self._judged.get(connection)
        if judged is None or now >= judged.until:
            judged = _Judged(self._judge(http), now + _JUDGED_SECONDS)
            if connection.connected:  # Of one that is gone nobody would say so again.
                self._judged[connection] = judged
        return judged.who

    def _judge(self, http: request.Http) -> user.User | None:
        tls = http.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        return self._authenticator.certificate(certificate, lambda: read(tls)) if certificate is not None else None

    def has(self, names: Collection[str]) -> bool:
        """Whether one of the names holds a connection."""
        return any(judged.who is not None and judged.who.name in names for judged in self._judged.values())

    def connection_lost(self, connection: object) -> None:
        self._judged.pop(connection, None)


def read(tls: ssl.SSLObject) -> authentication.Certificate:
    """The peer's, as TLS describes it."""
    described: Mapping[str, Any] = tls.getpeercert() or {}
    subject = [pair for parts in described.get("subject", ()) for pair in parts]
    names = [value for kind, value in subject if kind == "commonName"]
    organizations = tuple(value for kind, value in subject if kind == "organizationName")
    expires = ssl.cert_time_to_seconds(described["notAfter"]) if described else 0
    return authentication.Certificate(names[0] if names else "", organizations, expires)
