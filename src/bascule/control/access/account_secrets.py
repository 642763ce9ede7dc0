"""Secrets of type `kubernetes.io/service-account-token`: a token that lasts as long as its Secret and its account.

The server fills such a Secret as it is written, so no key leaves it; a controller removes it with its account. Pure but
for the signature.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bascule.bridge.identity import token_keys
from bascule.control.access import user
from bascule.vocabulary import errors, objects

TYPE: Final = "kubernetes.io/service-account-token"
NAME: Final = "kubernetes.io/service-account.name"
UID: Final = "kubernetes.io/service-account.uid"
ISSUER: Final = "kubernetes/serviceaccount"
CLUSTER_CLAIM: Final = "bascule.dev/cluster"
_CLAIM: Final = "kubernetes.io/serviceaccount/"


class Claims(NamedTuple):
    """What such a token says."""

    cluster: str
    namespace: str
    account: str
    account_uid: str
    secret: str


class Filler:
    """Completes Secrets. `ca`: the certificate by which clients know this server, PEM."""

    def __init__(self, keys: token_keys.Keys, ca: bytes) -> None:
        self._keys = keys
        self._ca = _encoded(ca)

    def fill(self, secret: objects.Object, account: objects.Object) -> None:
        """Adds what is missing to a Secret of the account; one of an earlier account of its name stays as it is."""
        metadata = secret["metadata"]
        uid, claimed = objects.uid(account), objects.annotations(secret).get(UID)
        if claimed and claimed != uid:
            return
        metadata["annotations"] = {**objects.annotations(secret), UID: uid}
        data = secret["data"] = dict(secret.get("data") or {})
        namespace = objects.namespace(secret)
        data["ca.crt"] = self._ca
        if not data.get("namespace"):
            data["namespace"] = _encoded(namespace.encode())
        if not data.get("token"):
            data["token"] = _encoded(self._keys.sign(_claims(secret, account)).encode())


def parse(claims: Mapping[str, Any]) -> Claims:
    """StatusError 401 when a claim is missing or contradicts another."""
    named = {}
    for field in ("namespace", "service-account.name", "service-account.uid", "secret.name"):
        value = claims.get(_CLAIM + field)
        if not isinstance(value, str) or not value:
            raise errors.unauthorized(f"service account token lacks the claim {_CLAIM}{field}")
        named[field] = value
    namespace, account = named["namespace"], named["service-account.name"]
    if claims.get("sub") != f"{user.SERVICE_ACCOUNT_PREFIX}{namespace}:{account}":
        raise errors.unauthorized("sub claim is invalid")
    cluster = claims.get(CLUSTER_CLAIM) or objects.ROOT
    return Claims(cluster, namespace, account, named["service-account.uid"], named["secret.name"])


def holds(secret: objects.Object | None, token: str) -> bool:
    """Whether this very token is what the Secret hands out."""
    if secret is None or objects.deletion_timestamp(secret) or secret.get("type") != TYPE:
        return False
    return bool((secret.get("data") or {}).get("token") == _encoded(token.encode()))


def _claims(secret: objects.Object, account: objects.Object) -> dict[str, str]:
    namespace, name = objects.namespace(secret), objects.name(account)
    claims = {
        "iss": ISSUER,
        "sub": f"{user.SERVICE_ACCOUNT_PREFIX}{namespace}:{name}",
        f"{_CLAIM}namespace": namespace,
        f"{_CLAIM}secret.name": objects.name(secret),
        f"{_CLAIM}service-account.name": name,
        f"{_CLAIM}service-account.uid": objects.uid(account),
    }
    cluster = objects.cluster(secret)
    return claims if cluster == objects.ROOT else {**claims, CLUSTER_CLAIM: cluster}


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
