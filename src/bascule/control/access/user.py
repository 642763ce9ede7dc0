"""Who is asking. Names and groups are upstream's, so that existing RBAC manifests mean the same here.

`home` is the logical cluster an identity belongs to. None means that it belongs to the installation (client
certificates): such an identity is known in every cluster. A service account's token never speaks for its namesake
elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MASTERS: Final = "system:masters"
AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
NODES: Final = "system:nodes"
BOOTSTRAPPERS: Final = "system:bootstrappers"
SERVICE_ACCOUNTS: Final = "system:serviceaccounts"
NODE_PREFIX: Final = "system:node:"
SERVICE_ACCOUNT_PREFIX: Final = "system:serviceaccount:"
BOOTSTRAP_PREFIX: Final = "system:bootstrap:"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False, compare=False)
    home: str | None = None

    def info(self) -> dict[str, object]:
        """authentication.k8s.io/v1 UserInfo."""
        info: dict[str, object] = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in self.extra.items()}
        return info

    def node_name(self) -> str | None:
        """The node this identity is, or None. Both the name and the group are needed."""
        if self.name.startswith(NODE_PREFIX) and NODES in self.groups:
            return self.name[len(NODE_PREFIX) :] or None
        return None

    def service_account(self) -> tuple[str, str] | None:
        """(namespace, name), or None."""
        if not self.name.startswith(SERVICE_ACCOUNT_PREFIX):
            return None
        namespace, _, name = self.name[len(SERVICE_ACCOUNT_PREFIX) :].partition(":")
        return (namespace, name) if namespace and name else None


ANONYMOUS: Final = User("system:anonymous", (UNAUTHENTICATED,))
