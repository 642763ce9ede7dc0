"""What is asked of authorization, what it answers, and the words of a refusal."""

from typing import Final, NamedTuple

from bascule.control.access import user
from bascule.vocabulary import errors, objects

ALL_CLUSTERS: Final = "*"


class Attributes(NamedTuple):
    """A resource request when `path` is "", else a request for that non-resource path.

    `field_selector` holds (field, operator, value) requirements of a list or watch.
    """

    user: user.User
    verb: str
    cluster: str = objects.ROOT
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: tuple[tuple[str, str, str], ...] = ()


class Decision(NamedTuple):
    allowed: bool
    reason: str


def refusal(asked: Attributes, reason: str = "") -> errors.StatusError:
    """The 403 in upstream's words."""
    tail = f": {reason}" if reason else ""
    who = f'User "{asked.user.name}"'
    if asked.path:
        return errors.forbidden(f'forbidden: {who} cannot {asked.verb} path "{asked.path}"{tail}')
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    place = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    message = f'{who} cannot {asked.verb} resource "{resource}" in API group "{asked.group}" {place}{tail}'
    return errors.forbidden(message, resource=qualified, name=asked.name)
