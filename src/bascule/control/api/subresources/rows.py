"""What the subresources of the built-in kinds speak: their own kind, and the verbs they answer."""

from __future__ import annotations

from typing import Final, NamedTuple

from bascule.vocabulary import resources

_READ_WRITE: Final = ("get", "patch", "update")
_PROXY: Final = ("create", "delete", "get", "patch", "update")


class Spoken(NamedTuple):
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


_OWN_KIND: Final = {
    "scale": Spoken("autoscaling", "v1", "Scale", _READ_WRITE),
    "binding": Spoken("", "v1", "Binding", ("create",)),
    "eviction": Spoken("policy", "v1", "Eviction", ("create",)),
    "token": Spoken("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "exec": Spoken("", "v1", "PodExecOptions", ("create", "get")),
    "attach": Spoken("", "v1", "PodAttachOptions", ("create", "get")),
    "portforward": Spoken("", "v1", "PodPortForwardOptions", ("create", "get")),
}
_PARENT_KIND_VERBS: Final = {"log": ("get",), "finalize": ("update",)}


def spoken(resource: resources.Resource, subresource: str) -> Spoken:
    """The kind and verbs of one of the resource's subresources."""
    own = _OWN_KIND.get(subresource)
    if own is not None:
        return own
    if subresource == "proxy":
        return Spoken("", "v1", f"{resource.kind}ProxyOptions", _PROXY)
    verbs = _PARENT_KIND_VERBS.get(subresource, _READ_WRITE)
    return Spoken(resource.group, resource.version, resource.kind, verbs)
