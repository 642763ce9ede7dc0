"""Rules of annotations that pods once were configured with, and how they agree with the fields that came after.

Only annotations of certain prefixes matter, so a pod without them costs a scan of its keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import paths, windows
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_MATTER = ("kubernetes.io/config.mirror", "controller.kubernetes.io/", "seccomp.", "container.")
_INT32 = 2**31


def of(obj: Object) -> dict[str, str]:
    """Those annotations of the object that this module has rules for."""
    found = shape.mapping(obj, "metadata").get("annotations")
    if type(found) is not dict or not found:
        return {}
    return {key: value for key, value in found.items() if key.startswith(_MATTER) and type(value) is str}


def problems(path: str, annotations: dict[str, str], spec: Object) -> Causes:
    for key, value in annotations.items():
        if key == MIRROR and not spec.get("nodeName"):
            yield errors.invalid_value(
                f"{path}[{key}]", value, "must set spec.nodeName if mirror pod annotation is set"
            )
        elif key == _DELETION_COST and not _is_int32(value):
            yield errors.invalid_value(f"{path}[{key}]", value, "must be a 32bit integer")
        elif key == SECCOMP_POD or key.startswith(SECCOMP_CONTAINER):
            yield from _seccomp(f"{path}.{key}", value)
        elif key.startswith(APP_ARMOR):
            name = key.removeprefix(APP_ARMOR)
            if not any(shape.text(container, "name") == name for _, container in _containers("", spec)):
                yield errors.invalid_value(f"{path}[{key}]", name, "container not found")
            if value not in ("", "runtime/default", "unconfined") and not value.startswith("localhost/"):
                yield errors.invalid_value(f"{path}[{key}]", value, f'invalid AppArmor profile name: "{value}"')


def _is_int32(text: str) -> bool:
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10 or (len(digits) > 1 and digits[0] == "0"):
        return False
    return -_INT32 <= int(text) < _INT32 and text != "-0"


def _seccomp(path: str, profile: str) -> Causes:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return
    if profile.startswith("localhost/"):
        yield from paths.descending(path, profile.removeprefix("localhost/"))
    else:
        yield errors.invalid_value(path, profile, "must be a valid seccomp profile")


def _containers(path: str, spec: Object) -> Iterator[tuple[str, Object]]:
    for role in windows.CONTAINERS:
        for index, container in enumerate(shape.items(spec, role)):
            yield f"{path}.{role}[{index}]", container


def settle_app_armor(pod: Object) -> None:
    """At creation a profile in an annotation becomes a field and the other way round, for who reads either."""
    spec = shape.mapping(pod, "spec")
    own = shape.mapping(spec, "securityContext").get("appArmorProfile")
    said = {key for key in of(pod) if key.startswith(APP_ARMOR)}
    if not own and not said:
        for role in windows.CONTAINERS:
            if role in spec and any("securityContext" in one for one in shape.items(spec, role)):
                break
        else:
            return
    contexts = [(one, shape.mapping(one, "securityContext")) for _, one in _containers("", spec)]
    if shape.mapping(spec, "os").get("name") == "windows":
        return
    for container, context in contexts:
        key = APP_ARMOR + shape.text(container, "name")
        if key not in said:
            value = _as_annotation(context.get("appArmorProfile") or own)
            if value:
                shape.ensure(shape.ensure(pod, "metadata"), "annotations")[key] = value
        elif not context.get("appArmorProfile"):
            profile = _as_field(pod["metadata"]["annotations"][key])
            if profile is not None and profile != own:
                shape.ensure(container, "securityContext")["appArmorProfile"] = profile


def _as_annotation(profile: Any) -> str:
    if type(profile) is not dict:
        return ""
    match profile.get("type"):
        case "Unconfined":
            return "unconfined"
        case "RuntimeDefault":
            return "runtime/default"
        case "Localhost" if shape.text(profile, "localhostProfile"):
            return f"localhost/{profile['localhostProfile']}"
    return ""


def _as_field(value: str) -> Object | None:
    local = value.removeprefix("localhost/")
    if value == "unconfined":
        return {"type": "Unconfined"}
    if value == "runtime/default":
        return {"type": "RuntimeDefault"}
    if local != value and local and local == local.strip():
        return {"type": "Localhost", "localhostProfile": local}
    return None


def agreement_problems(path: str, annotations: dict[str, str], spec: Object) -> Causes:
    """At creation annotations and fields say the same; `path` is the spec's."""
    own = shape.mapping(spec, "securityContext")
    profile = own.get("seccompProfile")
    if SECCOMP_POD in annotations and type(profile) is dict:
        at = f"{path}.securityContext.seccompProfile"
        yield from _agree(at, annotations[SECCOMP_POD], profile, "seccomp")
    for at, container in _containers(path, spec):
        context = shape.mapping(container, "securityContext")
        name = shape.text(container, "name")
        said = annotations.get(SECCOMP_CONTAINER + name)
        profile = context.get("seccompProfile")
        if said is not None and type(profile) is dict:
            yield from _agree(f"{at}.securityContext.seccompProfile", said, profile, "seccomp")
    if shape.mapping(spec, "os").get("name") == "windows":
        return
    for at, container in _containers(path, spec):
        said = annotations.get(APP_ARMOR + shape.text(container, "name"))
        profile = shape.mapping(container, "securityContext").get("appArmorProfile") or own.get("appArmorProfile")
        if said is not None and type(profile) is dict:
            yield from _agree(f"{at}.securityContext.appArmorProfile", said, profile, "apparmor")


def _agree(path: str, said: str, profile: dict[str, Any], kind: str) -> Causes:
    defaults = ("runtime/default", "docker/default") if kind == "seccomp" else ("runtime/default",)
    wanted = {"Unconfined": ("unconfined",), "RuntimeDefault": defaults}
    meant = shape.text(profile, "type")
    if meant == "Localhost":
        if not said.startswith("localhost/"):
            yield errors.forbidden_field(f"{path}.type", f"{kind} type in annotation and field must match")
        elif said.removeprefix("localhost/") != profile.get("localhostProfile"):
            message = f"{kind} profile in annotation and field must match"
            yield errors.forbidden_field(f"{path}.localhostProfile", message)
    elif meant in wanted and said not in wanted[meant]:
        yield errors.forbidden_field(f"{path}.type", f"{kind} type in annotation and field must match")


def update_problems(path: str, new: Object, old: Object) -> Causes:
    """What names a static pod and a container's profile stays."""
    now, before = of(new), of(old)
    if not now and not before:
        return
    for key, value in before.items():
        if now.get(key) == value:
            continue
        if key.startswith(APP_ARMOR):
            yield errors.forbidden_field(f"{path}[{key}]", "may not remove or update AppArmor annotations")
        if key == MIRROR:
            yield errors.forbidden_field(f"{path}[{key}]", "may not remove or update mirror pod annotation")
    for key in now:
        if key in before:
            continue
        if key.startswith(APP_ARMOR):
            yield errors.forbidden_field(f"{path}[{key}]", "may not add AppArmor annotations")
        if key == MIRROR:
            yield errors.forbidden_field(f"{path}[{key}]", "may not add mirror pod annotation")
