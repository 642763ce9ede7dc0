"""Turns credentials into a user: client certificate, service-account token, bootstrap token, listed token, or nothing.

The TLS layer has already verified the certificate's chain; here only its subject and its dates are read.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from bascule.bridge.identity import token_keys
from bascule.control.access import bootstrap_tokens, reader, tokens, user
from bascule.vocabulary import clock, errors, objects

_REMEMBERED_MAX: Final = 10_000
_PUBLIC_PATHS: Final = ("/healthz", "/livez", "/readyz", "/version")


class Certificate(NamedTuple):
    """What is read of one. `expires`: seconds since the epoch."""

    common_name: str
    organizations: tuple[str, ...]
    expires: float


class _Known(NamedTuple):
    who: user.User
    expires: float


class Authenticator:
    def __init__(
        self,
        source: reader.Reader,
        *,
        keys: token_keys.Keys,
        issuer: str,
        time: clock.Clock,
        static: Mapping[str, user.User] | None = None,
    ) -> None:
        """`static`: users by tokens that an operator listed."""
        self._static = static or {}
        self._source = source
        self._issuer = issuer
        self._time = time
        self._tokens = tokens.Verifier(source, keys=keys, issuer=issuer, time=time)
        self._certificates: dict[bytes, _Known] = {}

    def authenticate(self, *, authorization: str | None, cluster: str = objects.ROOT) -> user.User:
        """`user.ANONYMOUS` without credentials; StatusError 401 with credentials that are not accepted."""
        if not authorization:
            return user.ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise errors.unauthorized()
        return self.bearer(token.strip(), cluster)

    def certificate(self, der: bytes, read: Callable[[], Certificate]) -> user.User:
        """The holder of a certificate that TLS verified; it is read once, and known by its bytes afterwards."""
        known = self._certificates.get(der)
        if known is None:
            known = _judged(read())
            if len(self._certificates) >= _REMEMBERED_MAX:
                del self._certificates[next(iter(self._certificates))]
            self._certificates[der] = known
        if self._time.now().timestamp() >= known.expires:
            raise errors.unauthorized("the client certificate has expired")
        return known.who

    def bearer(self, token: str, cluster: str = objects.ROOT) -> user.User:
        listed = self._static.get(token)
        if listed is not None:
            return listed
        if bootstrap_tokens.looks_like(token):
            return bootstrap_tokens.authenticate(token, self._source, self._time)
        return self._tokens.verify(token, cluster).who

    def review(self, token: str, cluster: str, audiences: tuple[str, ...]) -> tuple[user.User, tuple[str, ...]]:
        """For TokenReview, which may ask for other audiences than the API's own: whom, and for which of them.

        Tokens that are not a service account's are for the API itself.
        """
        own: tuple[str, ...] = (self._issuer,)
        wanted = audiences or own
        if token in self._static or bootstrap_tokens.looks_like(token):
            who, held = self.bearer(token, cluster), own
        else:
            verified = self._tokens.verify(token, cluster, wanted)
            who, held = verified.who, verified.audiences
        shared = tuple(audience for audience in held if audience in wanted)
        if not shared:
            raise errors.unauthorized(tokens.other_audience(held, wanted))
        return who, shared


def _judged(shown: Certificate) -> _Known:
    if not shown.common_name:
        raise errors.unauthorized("the client certificate has no common name")
    return _Known(user.User(shown.common_name, (*shown.organizations, user.AUTHENTICATED)), shown.expires)


def is_public(path: str) -> bool:
    """Paths that answer without credentials: health and version. Everything else is 401 for the anonymous."""
    return path.startswith(_PUBLIC_PATHS) and (
        path in _PUBLIC_PATHS or path == "/version/" or path.startswith(("/healthz/", "/livez/", "/readyz/"))
    )
