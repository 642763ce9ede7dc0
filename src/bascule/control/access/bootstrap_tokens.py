"""Bootstrap tokens: what a new node shows before it has an identity.

A token is the Secret `kube-system/bootstrap-token-<id>` in upstream's form, so `kubeadm token create` works too. One
with the annotation `bascule.dev/single-use: "true"` is good for one node; which one is written down as
`bascule.dev/used-by`.
"""

import base64
import binascii
import hmac
import re
from typing import Final, NamedTuple

from bascule.control.access import reader, user
from bascule.vocabulary import clock, errors, objects, timestamps

NAMESPACE: Final = "kube-system"
SECRET_PREFIX: Final = "bootstrap-token-"
SECRET_TYPE: Final = "bootstrap.kubernetes.io/token"
SINGLE_USE: Final = "bascule.dev/single-use"
USED_BY: Final = "bascule.dev/used-by"
FORM: Final = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_GROUP: Final = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_NEXT: Final = "create a new one with `bascule token`"


class Use(NamedTuple):
    """Who used a single-use token: a node's name and its key's fingerprint, so that its own retry is not refused."""

    node: str
    key_fingerprint: str

    def text(self) -> str:
        return f"{self.node} {self.key_fingerprint}"


def looks_like(token: str) -> bool:
    return FORM.fullmatch(token) is not None


def authenticate(token: str, source: reader.Reader, time: clock.Clock) -> user.User:
    """StatusError 401 that tells an unknown token from one that has expired."""
    match = FORM.fullmatch(token)
    if match is None:
        raise errors.unauthorized("a bootstrap token has the form abcdef.0123456789abcdef")
    identifier = match[1]
    secret = source.get("", "secrets", objects.ROOT, NAMESPACE, SECRET_PREFIX + identifier)
    if secret is None or secret.get("type") != SECRET_TYPE or objects.deletion_timestamp(secret):
        raise errors.unauthorized(f"the bootstrap token {identifier} is unknown; {_NEXT}")
    held = _data(secret)
    if held.get("token-id") != identifier or not hmac.compare_digest(held.get("token-secret", ""), match[2]):
        raise errors.unauthorized(f"the bootstrap token {identifier} is wrong; {_NEXT}")
    if held.get("usage-bootstrap-authentication") != "true":
        raise errors.unauthorized(f"the bootstrap token {identifier} may not be used to authenticate; {_NEXT}")
    if expired(secret, time):
        raise errors.unauthorized(f"the bootstrap token {identifier} has expired; {_NEXT}")
    named = [text for text in held.get("auth-extra-groups", "").split(",") if _GROUP.fullmatch(text)]
    groups = (user.BOOTSTRAPPERS, *named, user.AUTHENTICATED)
    return user.User(user.BOOTSTRAP_PREFIX + identifier, groups)


def expired(secret: objects.Object, time: clock.Clock) -> bool:
    """An unreadable expiration counts as passed."""
    text = _data(secret).get("expiration")
    if not text:
        return False
    try:
        return timestamps.parse(text) <= time.now()
    except ValueError:
        return True


def secret_of(who: str, source: reader.Reader) -> objects.Object | None:
    """The Secret behind `system:bootstrap:<id>`."""
    if not who.startswith(user.BOOTSTRAP_PREFIX):
        return None
    name = SECRET_PREFIX + who[len(user.BOOTSTRAP_PREFIX) :]
    return source.get("", "secrets", objects.ROOT, NAMESPACE, name)


def is_single_use(secret: objects.Object) -> bool:
    return objects.annotations(secret).get(SINGLE_USE) == "true"


def use_problem(secret: objects.Object, use: Use) -> str:
    """Why the token may not be used for this node any more; "" when it may."""
    used = objects.annotations(secret).get(USED_BY)
    if not is_single_use(secret) or not used or used == use.text():
        return ""
    node = used.split(" ")[0]
    return f"the bootstrap token was already used by node {node}; {_NEXT}"


def _data(secret: objects.Object) -> dict[str, str]:
    held: dict[str, str] = dict(secret.get("stringData") or {})
    for key, value in (secret.get("data") or {}).items():
        try:
            held[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            continue
    return held
