"""Turns credentials into a user: client certificate, service-account token, bootstrap token, or nothing.

The TLS layer has already verified the certificate's chain; here only its subject is read.
"""

from bascule.bridge.identity import service_account_keys
from bascule.control.access import reader, user
from bascule.vocabulary import clock, objects


class Authenticator:
    def __init__(
        self, source: reader.Reader, *, keys: service_account_keys.KeySet, issuer: str, time: clock.Clock
    ) -> None: ...

    def authenticate(
        self, *, certificate_der: bytes | None, authorization: str | None, cluster: str = objects.ROOT
    ) -> user.User:
        """`user.ANONYMOUS` without credentials; StatusError 401 with credentials that are not accepted."""
        raise NotImplementedError
