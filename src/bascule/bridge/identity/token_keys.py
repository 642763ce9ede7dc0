"""What signs and checks service accounts' tokens, as those see it who need not know how; read when first used.

The libraries behind it are a sixth of an API server's memory: one that nobody shows a token does without them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from bascule.bridge.identity import service_account_keys


class Keys(Protocol):
    """As `service_account_keys.KeySet` has them."""

    def sign(self, claims: Mapping[str, Any]) -> str: ...

    def verify(self, token: str) -> dict[str, Any]: ...

    def jwks(self) -> dict[str, Any]: ...

    def algorithms(self) -> list[str]: ...


class Kept:
    """Keys that are PEM text until they are used. The text must be known to be sound."""

    def __init__(self, private_pem: bytes) -> None:
        self._private_pem = private_pem

    @functools.cached_property
    def _keys(self) -> service_account_keys.KeySet:
        from bascule.bridge.identity import service_account_keys

        return service_account_keys.KeySet.load(self._private_pem)

    def load(self) -> None:
        """Reads them now: some 50 ms, for a thread."""
        _ = self._keys

    def sign(self, claims: Mapping[str, Any]) -> str:
        return self._keys.sign(claims)

    def verify(self, token: str) -> dict[str, Any]:
        return self._keys.verify(token)

    def jwks(self) -> dict[str, Any]:
        return self._keys.jwks()

    def algorithms(self) -> list[str]:
        return self._keys.algorithms()
