"""Service-account tokens: issuing them (TokenRequest) and checking that what they are bound to still exists."""

from bascule.bridge.identity import service_account_keys
from bascule.control.access import reader
from bascule.vocabulary import clock, objects


class Issuer:
    def __init__(
        self, source: reader.Reader, *, keys: service_account_keys.KeySet, issuer: str, time: clock.Clock
    ) -> None: ...

    def request(self, cluster: str, namespace: str, account: str, token_request: objects.Object) -> objects.Object:
        """Answers `POST serviceaccounts/<name>/token`: the TokenRequest with its status filled in. StatusErrors."""
        raise NotImplementedError
