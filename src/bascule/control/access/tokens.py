"""Service-account tokens: issuing them (TokenRequest) and checking that what they are bound to still exists.

A token names its logical cluster and is worth nothing in another. Signatures are checked once and remembered; that the
account, pod and node still exist with the same uid is checked on every use.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bascule.bridge.identity import faults, token_keys
from bascule.control.access import account_secrets, reader, user
from bascule.vocabulary import clock, errors, objects, timestamps

CLUSTER_CLAIM: Final = account_secrets.CLUSTER_CLAIM
PRIVATE_CLAIM: Final = "kubernetes.io"
EXPIRATION_SECONDS_DEFAULT: Final = 3600
EXPIRATION_SECONDS_MIN: Final = 600
EXPIRATION_SECONDS_MAX: Final = 1 << 32
# What admission puts into pods. Such tokens stay good for a year, so that an outage of the control tower does not lock
# out what runs; their holders are still told to fetch a new one after an hour.
POD_EXPIRATION_SECONDS: Final = 3607
EXTENDED_SECONDS: Final = 365 * 86_400
LEEWAY_SECONDS: Final = 60
_REMEMBERED_MAX: Final = 10_000
_EXTRA: Final = "authentication.kubernetes.io/"


class Verified(NamedTuple):
    """A token whose signature, issuer and form hold. Times are seconds since the epoch."""

    who: user.User
    cluster: str
    namespace: str
    account: tuple[str, str]
    pod: tuple[str, str] | None
    node: tuple[str, str] | None
    secret: tuple[str, str] | None
    audiences: tuple[str, ...]
    not_before: float
    expires: float
    lasting: bool = False
    """From a Secret, which must still hold it; it does not expire."""


def other_audience(held: Sequence[str], wanted: Sequence[str]) -> str:
    shown = ["[" + " ".join(f'"{audience}"' for audience in listed) + "]" for listed in (held, wanted)]
    return f"token audiences {shown[0]} is invalid for the target audiences {shown[1]}"


class Verifier:
    def __init__(self, source: reader.Reader, *, keys: token_keys.Keys, issuer: str, time: clock.Clock) -> None:
        self._source = source
        self._keys = keys
        self._issuer = issuer
        self._time = time
        self._remembered: dict[str, Verified] = {}

    def verify(self, token: str, cluster: str, audiences: Sequence[str] = ()) -> Verified:
        """`audiences`: one of which the token must be for; the API's own by default. StatusError 401."""
        known = self._remembered.get(token)
        if known is None:
            known = self._decode(token)
            if len(self._remembered) >= _REMEMBERED_MAX:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[token] = known
        now = self._time.now().timestamp()
        if now >= known.expires:
            self._remembered.pop(token, None)
            raise errors.unauthorized("service account token has expired")
        if now < known.not_before - LEEWAY_SECONDS:
            raise errors.unauthorized("service account token is not valid yet")
        if known.cluster != cluster:
            raise errors.unauthorized(f'service account token is for the cluster "{known.cluster}", not "{cluster}"')
        if not set(audiences or (self._issuer,)) & set(known.audiences):
            raise errors.unauthorized(other_audience(known.audiences, audiences or (self._issuer,)))
        self._check_bound(known, now)
        if known.lasting and known.secret is not None:
            secret = self._source.get("", "secrets", cluster, known.namespace, known.secret[0])
            if not account_secrets.holds(secret, token):
                raise errors.unauthorized("service account token has been invalidated: its secret does not hold it")
        return known

    def _check_bound(self, token: Verified, now: float) -> None:
        account = self._source.get("", "serviceaccounts", token.cluster, token.namespace, token.account[0])
        if not _is_there(account, token.account[1], now):
            raise errors.unauthorized("service account token has been invalidated: its account was deleted")
        for bound, plural, namespace in (
            (token.pod, "pods", token.namespace),
            (token.secret, "secrets", token.namespace),
        ):
            if bound is None or token.lasting:
                continue
            found = self._source.get("", plural, token.cluster, namespace, bound[0])
            if not _is_there(found, bound[1], now):
                raise errors.unauthorized(f"service account token has been invalidated: its {plural[:-1]} was deleted")
        if token.node is not None and token.pod is None:
            found = self._source.get("", "nodes", token.cluster, "", token.node[0])
            if not _is_there(found, token.node[1], now):
                raise errors.unauthorized("service account token has been invalidated: its node was deleted")

    def _decode(self, token: str) -> Verified:
        try:
            claims = self._keys.verify(token)
        except faults.IdentityError as error:
            raise errors.unauthorized() from error
        if claims.get("iss") == account_secrets.ISSUER:
            return self._lasting(claims)
        if claims.get("iss") != self._issuer:
            raise errors.unauthorized("service account token is from another issuer")
        try:
            private: dict[str, Any] = claims[PRIVATE_CLAIM]
            namespace, account = private["namespace"], _reference(private["serviceaccount"])
            bound = {key: _reference(private[key]) if key in private else None for key in ("pod", "node", "secret")}
            audience = claims.get("aud") or ()
            audiences = (audience,) if isinstance(audience, str) else tuple(audience)
            not_before, expires = float(claims.get("nbf", 0)), float(claims["exp"])
        except (KeyError, TypeError, ValueError) as error:
            raise errors.unauthorized("service account token lacks a claim") from error
        cluster = claims.get(CLUSTER_CLAIM) or objects.ROOT
        extra = {_EXTRA + "credential-id": (f"JTI={claims['jti']}",)} if claims.get("jti") else {}
        for kind in ("pod", "node"):
            reference = bound[kind]
            if reference is not None:
                extra[f"{_EXTRA}{kind}-name"] = (reference[0],)
                extra[f"{_EXTRA}{kind}-uid"] = (reference[1],)
        return Verified(
            _account_user(cluster, namespace, account, extra),
            cluster,
            namespace,
            account,
            bound["pod"],
            bound["node"],
            bound["secret"],
            audiences,
            not_before,
            expires,
        )

    def _lasting(self, claims: dict[str, Any]) -> Verified:
        said = account_secrets.parse(claims)
        account = (said.account, said.account_uid)
        who = _account_user(said.cluster, said.namespace, account, {})
        secret, own = (said.secret, ""), (self._issuer,)
        return Verified(
            who, said.cluster, said.namespace, account, None, None, secret, own, 0.0, float("inf"), lasting=True
        )


def _account_user(
    cluster: str, namespace: str, account: tuple[str, str], extra: Mapping[str, tuple[str, ...]]
) -> user.User:
    groups = (user.SERVICE_ACCOUNTS, f"{user.SERVICE_ACCOUNTS}:{namespace}", user.AUTHENTICATED)
    return user.User(f"{user.SERVICE_ACCOUNT_PREFIX}{namespace}:{account[0]}", groups, account[1], extra, home=cluster)


def _is_there(found: objects.Object | None, uid: str, now: float) -> bool:
    """The very object, and its deletion (which for a pod includes its grace) not over for a minute already."""
    if found is None or objects.uid(found) != uid:
        return False
    deleted = objects.deletion_timestamp(found)
    return deleted is None or timestamps.parse(deleted).timestamp() >= now - LEEWAY_SECONDS


class Issuer:
    def __init__(self, source: reader.Reader, *, keys: token_keys.Keys, issuer: str, time: clock.Clock) -> None:
        self._source = source
        self._keys = keys
        self._issuer = issuer
        self._time = time

    def request(self, cluster: str, namespace: str, account: str, token_request: objects.Object) -> objects.Object:
        """Answers `POST serviceaccounts/<name>/token`: the TokenRequest with its status filled in. StatusErrors."""
        found = self._source.get("", "serviceaccounts", cluster, namespace, account)
        if found is None:
            raise errors.not_found("serviceaccounts", account)
        spec = token_request.get("spec") or {}
        seconds = self._lifetime(spec)
        audiences = list(spec.get("audiences") or [self._issuer])
        private: dict[str, Any] = {
            "namespace": namespace,
            "serviceaccount": {"name": account, "uid": objects.uid(found)},
        }
        reference = spec.get("boundObjectRef")
        if reference:
            private |= self._bind(reference, cluster, namespace, account)
        now = int(self._time.now().timestamp())
        expires = now + seconds
        extended = seconds == POD_EXPIRATION_SECONDS and "pod" in private and audiences == [self._issuer]
        if extended:
            private["warnafter"] = expires
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": f"{user.SERVICE_ACCOUNT_PREFIX}{namespace}:{account}",
            "aud": audiences,
            "iat": now,
            "nbf": now,
            "exp": now + EXTENDED_SECONDS if extended else expires,
            "jti": str(uuid.uuid4()),
            PRIVATE_CLAIM: private,
        }
        if cluster != objects.ROOT:
            claims[CLUSTER_CLAIM] = cluster
        return {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {
                "name": account,
                "namespace": namespace,
                "creationTimestamp": timestamps.format(self._time.now()),
            },
            "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
            "status": {
                "token": self._keys.sign(claims),
                "expirationTimestamp": timestamps.format(datetime.fromtimestamp(expires, UTC)),
            },
        }

    def _lifetime(self, spec: objects.Object) -> int:
        seconds = spec.get("expirationSeconds")
        if seconds is None:
            return EXPIRATION_SECONDS_DEFAULT
        problem = ""
        if not isinstance(seconds, int) or seconds < EXPIRATION_SECONDS_MIN:
            problem = "may not specify a duration less than 10 minutes"
        elif seconds > EXPIRATION_SECONDS_MAX:
            problem = "may not specify a duration larger than 2^32 seconds"
        if problem:
            cause = errors.invalid_value("spec.expirationSeconds", seconds, problem)
            raise errors.invalid("TokenRequest", "authentication.k8s.io", "", [cause])
        return int(seconds)

    def _bind(self, reference: objects.Object, cluster: str, namespace: str, account: str) -> dict[str, dict[str, str]]:
        kind, name, uid = reference.get("kind"), reference.get("name") or "", reference.get("uid") or ""
        plural = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}.get(kind or "")
        if plural is None or reference.get("apiVersion") not in (None, "", "v1"):
            group_version = reference.get("apiVersion") or ""
            shown = group_version if "/" in group_version else f"/{group_version}"
            raise errors.bad_request(f"cannot bind token to object of type {shown}, Kind={kind or ''}")
        found = self._source.get("", plural, cluster, "" if kind == "Node" else namespace, name)
        if found is None:
            raise errors.not_found(plural, name)
        if uid and uid != objects.uid(found):
            message = f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            message += "The object might have been deleted and then recreated"
            raise errors.conflict(str(kind), name, message)
        private = {plural[:-1]: {"name": name, "uid": objects.uid(found)}}
        if kind == "Pod":
            spec = found.get("spec") or {}
            if spec.get("serviceAccountName") != account:
                message = f'cannot bind token for serviceaccount "{account}" to pod running with different '
                raise errors.bad_request(message + "serviceaccount name.")
            node = spec.get("nodeName")
            if node:
                machine = self._source.get("", "nodes", objects.ROOT, "", node)
                private["node"] = {"name": node, **({"uid": objects.uid(machine)} if machine else {})}
        return private


def _reference(value: dict[str, Any]) -> tuple[str, str]:
    return value["name"], value.get("uid") or ""
