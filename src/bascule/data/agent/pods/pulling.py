"""A container's image by its pull policy, with the credentials the pod names. Events in the kubelet's words."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from bascule.data.agent.host import Host
from bascule.data.agent.pods import model
from bascule.data.agent.sources import Sources, data_of
from bascule.data.runtime import contract
from bascule.vocabulary.objects import Object

DOCKER = "docker.io"
DOCKER_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
PULL_FAILED = "ErrImagePull"


async def image(host: Host, pod: Object, container: model.Spec, sources: Sources) -> contract.Image:
    """RuntimeFault with upstream's reasons where there is none."""
    name, own = container.get("image") or "", container["name"]
    if host.runtime.name == "process":
        message = f'"{name}" is only a label to the process runtime: `command` runs as a plain process of the node'
        host.events.pod(pod, "ImageNotUsed", message, container=own, warning=True)
        return contract.Image(name, (name,), 0)
    policy = container.get("imagePullPolicy") or "IfNotPresent"
    present = await host.runtime.image(name)
    if present is not None and policy != "Always":
        host.events.pod(pod, "Pulled", f'Container image "{name}" already present on machine', container=own)
        return present
    if policy == "Never":
        message = f'Container image "{name}" is not present with pull policy of Never'
        host.events.pod(pod, "ErrImageNeverPull", message, container=own, warning=True)
        raise contract.RuntimeFault("ErrImageNeverPull", message)
    host.events.pod(pod, "Pulling", f'Pulling image "{name}"', container=own)
    begun = host.clock.monotonic()
    try:
        pulled = await _pull(host, name, list(credentials(name, pull_secrets(pod, sources))))
    except contract.RuntimeFault as fault:
        message = f'Failed to pull image "{name}": {fault.message}'
        host.events.pod(pod, "Failed", message, container=own, warning=True)
        raise
    took = f"{host.clock.monotonic() - begun:.3f}s"
    message = f'Successfully pulled image "{name}" in {took} ({took} including waiting). '
    host.events.pod(pod, "Pulled", f"{message}Image size: {pulled.size_bytes} bytes.", container=own)
    return pulled


async def _pull(host: Host, name: str, known: list[dict[str, str]]) -> contract.Image:
    """With each credential that fits in turn, without one where there is none."""
    fault: contract.RuntimeFault | None = None
    for auth in known or [{}]:
        try:
            return await host.runtime.pull_image(name, auth or None)
        except contract.RuntimeFault as error:
            fault = error
        except TimeoutError as error:
            fault = contract.RuntimeFault(PULL_FAILED, str(error))
    raise fault or contract.RuntimeFault(PULL_FAILED, name)


def pull_secrets(pod: Object, sources: Sources) -> Iterator[Object]:
    """The Secrets of `imagePullSecrets` that are there; a missing one is no failure."""
    for reference in model.spec(pod).get("imagePullSecrets") or ():
        found = sources.find("secrets", reference.get("name") or "")
        if found is not None:
            yield found


def credentials(image_name: str, secrets: Iterator[Object]) -> Iterator[dict[str, str]]:
    """`username` and `password` of every entry that names the image's registry, the most specific first. Pure."""
    fitting: list[tuple[int, dict[str, str]]] = []
    for secret in secrets:
        for place, entry in _entries(secret).items():
            path = _place(place)
            if isinstance(entry, dict) and _fits(path, _place(_full(image_name))):
                found = _pair(entry)
                if found is not None:
                    fitting.append((len(path), found))
    for _, found in sorted(fitting, key=lambda item: -item[0]):
        yield found


def _entries(secret: Object) -> dict[str, Any]:
    data = data_of(secret)
    try:
        if ".dockerconfigjson" in data:
            return dict(json.loads(data[".dockerconfigjson"]).get("auths") or {})
        return dict(json.loads(data.get(".dockercfg") or b"{}"))
    except (ValueError, AttributeError, TypeError):
        return {}


def _full(image_name: str) -> str:
    """With its registry: `web` is docker.io/library/web."""
    first, slash, _ = image_name.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return image_name if is_host else f"{DOCKER}/{image_name}"


def _place(text: str) -> list[str]:
    """Host and path of a registry as it may be written: https://index.docker.io/v1/, host:port, host/path."""
    parts = text.partition("://")[2].split("/") if "://" in text else text.split("/")
    parts = [part for part in parts if part and part not in ("v1", "v2")]
    return [DOCKER if parts[0] in DOCKER_NAMES else parts[0], *parts[1:]] if parts else []


def _fits(place: list[str], image_place: list[str]) -> bool:
    return bool(place) and image_place[: len(place)] == place


def _pair(entry: dict[str, Any]) -> dict[str, str] | None:
    if entry.get("username") or entry.get("password"):
        return {"username": str(entry.get("username") or ""), "password": str(entry.get("password") or "")}
    try:
        user, colon, word = base64.b64decode(str(entry.get("auth") or "")).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return {"username": user, "password": word.rstrip("\0")} if colon else None
