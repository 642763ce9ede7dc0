"""May this user do this? The one entrance to all authorizers, in order: masters, node, RBAC.

A decision carries its reason. Nothing here raises for "no": the API server words the 403 with `forbidden`.
"""

from typing import Final, NamedTuple

from bascule.control.access import reader, user
from bascule.vocabulary import objects

ALL_CLUSTERS: Final = "*"


class Attributes(NamedTuple):
    """A resource request when `path` is "", else a request for that non-resource path."""

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


class Authorizer:
    def __init__(self, source: reader.Reader) -> None: ...

    def decide(self, attributes: Attributes) -> Decision:
        raise NotImplementedError

    def require(self, attributes: Attributes) -> None:
        """Raises the 403 StatusError in upstream's words when not allowed."""
