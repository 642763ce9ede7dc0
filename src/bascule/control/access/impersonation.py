"""Acting as somebody else: the Impersonate-* headers, and whether the asker may use them."""

from collections.abc import Mapping, Sequence

from bascule.control.access import authorization, user


def impersonate(
    asker: user.User,
    headers: Sequence[tuple[str, str]] | Mapping[str, str],
    authorizer: authorization.Authorizer,
    cluster: str,
) -> user.User:
    """The user to act as (the asker itself without such headers); StatusError 403 when not allowed."""
    raise NotImplementedError
