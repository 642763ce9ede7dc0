"""Acting as somebody else: the Impersonate-* headers, and whether the asker may use them.

Each part is a right of its own (`impersonate` on users, groups, uids, userextras, serviceaccounts), as upstream has
it. Names may be granted one by one or, for the platform's components, by prefix: a resourceName ending in `*` is such
a prefix only for nodes (`system:node:*`), because no list could name nodes that are yet to join.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from bascule.control.access import attributes, authorization, user
from bascule.vocabulary import errors, objects

AUTHENTICATION_GROUP: Final = "authentication.k8s.io"
_EXTRA: Final = "impersonate-extra-"
_ANY_NODE: Final = f"{user.NODE_PREFIX}*"


def requested(headers: Iterable[tuple[str, str]]) -> bool:
    return any(key.lower().startswith("impersonate-") for key, _ in headers)


def impersonate(
    asker: user.User,
    headers: Sequence[tuple[str, str]] | Mapping[str, str],
    authorizer: authorization.Authorizer,
    cluster: str,
) -> user.User:
    """The user to act as (the asker itself without such headers); StatusError 403 when not allowed."""
    pairs = [
        (key.lower(), value)
        for key, value in (headers.items() if isinstance(headers, Mapping) else headers)
        if key.lower().startswith("impersonate-")
    ]
    if not pairs:
        return asker
    name, groups, uid, extra = _read(pairs)
    if not name:
        raise errors.internal(f"requested {sorted({key for key, _ in pairs})} without impersonating a user name")
    target = user.User(name, groups, uid, extra)
    account = target.service_account()
    if account:
        _require(asker, authorizer, cluster, "", "serviceaccounts", account[1], namespace=account[0])
        target = user.User(name, groups or _account_groups(account[0]), uid, extra, home=cluster)
    else:
        _require(asker, authorizer, cluster, "", "users", name, prefix=_ANY_NODE)
    for group in groups:
        _require(asker, authorizer, cluster, "", "groups", group)
    if uid:
        _require(asker, authorizer, cluster, AUTHENTICATION_GROUP, "uids", uid)
    for key, values in extra.items():
        for value in values:
            _require(asker, authorizer, cluster, AUTHENTICATION_GROUP, "userextras", value, subresource=key)
    if name == user.ANONYMOUS.name:
        added = () if user.UNAUTHENTICATED in target.groups else (user.UNAUTHENTICATED,)
    else:
        known = {user.AUTHENTICATED, user.UNAUTHENTICATED} & set(target.groups)
        added = () if known else (user.AUTHENTICATED,)
    # Rights to impersonate that a logical cluster gave never reach beyond it.
    local = cluster != objects.ROOT and not authorization.is_component(asker)
    home = target.home or asker.home or (cluster if local else None)
    return user.User(name, (*target.groups, *added), uid, extra, home=home)


def _read(pairs: Sequence[tuple[str, str]]) -> tuple[str, tuple[str, ...], str, dict[str, tuple[str, ...]]]:
    name, uid = "", ""
    groups: list[str] = []
    extra: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        if key == "impersonate-user":
            name = value
        elif key == "impersonate-uid":
            uid = value
        elif key == "impersonate-group":
            groups.append(value)
        elif key.startswith(_EXTRA):
            field = unquote(key[len(_EXTRA) :])
            extra[field] = (*extra.get(field, ()), value)
        else:
            raise errors.bad_request(f"unknown impersonation header {key!r}")
    return name, tuple(groups), uid, extra


def _account_groups(namespace: str) -> tuple[str, ...]:
    return (user.SERVICE_ACCOUNTS, f"{user.SERVICE_ACCOUNTS}:{namespace}")


def _require(
    asker: user.User,
    authorizer: authorization.Authorizer,
    cluster: str,
    group: str,
    resource: str,
    name: str,
    *,
    namespace: str = "",
    subresource: str = "",
    prefix: str = "",
) -> None:
    asked = attributes.Attributes(asker, "impersonate", cluster, group, resource, subresource, namespace, name)
    decision = authorizer.decide(asked)
    if decision.allowed:
        return
    if prefix and name.startswith(prefix[:-1]) and authorizer.decide(asked._replace(name=prefix)).allowed:
        return
    raise attributes.refusal(asked, decision.reason)
