"""The files of configMap, secret, downwardAPI and projected volumes. Pure: volume → {path: file}."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bascule.data.agent.pods import fields, model
from bascule.data.agent.pods.fields import Addresses
from bascule.data.agent.sources import ConfigFault, Sources, data_of
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

DEFAULT_MODE = 0o644
TOKEN_MODE = 0o600
"""Of a token where the pod says as whom it runs: then nobody else need read it, but its fsGroup."""
KINDS = ("configMap", "secret", "downwardAPI", "projected")


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int
    user: int | None = None
    """Who owns it, if not the agent's user."""


def payload(volume: dict[str, Any], pod: Object, sources: Sources, addresses: Addresses) -> dict[str, File]:
    """The files of one volume; ConfigFault where a reference that is not optional is missing."""
    for kind in KINDS:
        if kind in volume and volume[kind] is not None:
            source = volume[kind]
            mode = source.get("defaultMode", DEFAULT_MODE)
            if kind == "projected":
                out: dict[str, File] = {}
                for part in source.get("sources") or ():
                    for inner, value in part.items():
                        out |= _files(inner, value or {}, mode, pod, sources, addresses)
                return out
            return _files(kind, source, mode, pod, sources, addresses)
    return {}


def _files(
    kind: str, source: dict[str, Any], mode: int, pod: Object, sources: Sources, addresses: Addresses
) -> dict[str, File]:
    if kind in ("configMap", "secret"):
        name = source.get("secretName") or source.get("name") or ""
        optional = bool(source.get("optional"))
        found = sources.need(f"{kind.lower()}s", name, optional=optional)
        contents = data_of(found) if found is not None else {}
        return _chosen(contents, source.get("items"), mode, optional=optional, title=f"{kind} {name}")
    if kind == "downwardAPI":
        return _downward(source, mode, pod, sources, addresses)
    if kind == "serviceAccountToken":
        token = sources.token(objects.uid(pod), source.get("audience") or "")
        if token is None:
            raise ConfigFault("the pod's service-account token has not arrived on this node yet", awaited=True)
        user = _only_user(pod)
        apart = user is not None or (model.spec(pod).get("securityContext") or {}).get("fsGroup") is not None
        return {_inside(source["path"]): File(token.encode(), TOKEN_MODE if apart else mode, user)}
    raise ConfigFault(f"volume source {kind} is not supported on this node")


def _only_user(pod: Object) -> int | None:
    """The user that all of the pod's containers are told to run as; None where one is not, or they differ."""
    own = (model.spec(pod).get("securityContext") or {}).get("runAsUser")
    containers = (*model.init_containers(pod), *model.main_containers(pod))
    told = [(container.get("securityContext") or {}).get("runAsUser", own) for container in containers]
    return told[0] if told and all(user == told[0] for user in told) else None


def _chosen(
    contents: dict[str, bytes], items: list[dict[str, Any]] | None, mode: int, *, optional: bool, title: str
) -> dict[str, File]:
    if not items:
        return {key: File(value, mode) for key, value in contents.items()}
    out = {}
    for item in items:
        if item["key"] not in contents:
            if optional:
                continue
            raise ConfigFault(f"references non-existent config key: {item['key']} in {title}", awaited=True)
        out[_inside(item["path"])] = File(contents[item["key"]], item.get("mode") or mode)
    return out


def _downward(
    source: dict[str, Any], mode: int, pod: Object, sources: Sources, addresses: Addresses
) -> dict[str, File]:
    out = {}
    for item in source.get("items") or ():
        if ref := item.get("fieldRef"):
            text = fields.field(pod, ref["fieldPath"], addresses)
        else:
            ref = item["resourceFieldRef"]
            text = fields.resource(pod, ref.get("containerName", ""), ref, sources.allocatable())
        out[_inside(item["path"])] = File(text.encode(), item.get("mode") or mode)
    return out


def _inside(path: str) -> str:
    """A path that stays within its volume."""
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigFault(f"path {path!r} leaves its volume")
    return path
