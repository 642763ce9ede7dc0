"""Rules of security contexts: a pod's, and each container's."""

from __future__ import annotations

import re

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import paths, windows
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ID_MAX = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_CHANGE_POLICIES = ("Always", "OnRootMismatch")
_GROUPS_POLICIES = ("Merge", "Strict")
_SELINUX_POLICIES = ("MountOption", "Recursive")
_PROC_MOUNTS = ("Default", "Unmasked")
_SYSCTL_LENGTH_MAX = 253
_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"^({_SEGMENT}[\./])*{_SEGMENT}$"
_SYSCTL_PATTERN = re.compile(_SYSCTL)
_LOCAL_PROFILE_MAX = 4095
_NETWORK_SYSCTLS = ("net.", "net/")
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.", "kernel/shm", "kernel/msg", "kernel/sem")


def _ids(path: str, context: Object, keys: tuple[str, ...]) -> Causes:
    for key in keys:
        value = context.get(key)
        if type(value) is int and not 0 <= value <= _ID_MAX:
            yield errors.invalid_value(f"{path}.{key}", value, f"must be between 0 and {_ID_MAX}, inclusive")


def pod_problems(path: str, spec: Object) -> Causes:
    """`spec.securityContext`, at `path`."""
    context = shape.mapping(spec, "securityContext")
    yield from _ids(path, context, ("fsGroup", "runAsUser", "runAsGroup"))
    for index, group in enumerate(shape.sequence(context, "supplementalGroups")):
        yield from _ids(path, {f"supplementalGroups[{index}]": group}, (f"supplementalGroups[{index}]",))
    if spec.get("shareProcessNamespace") is True and spec.get("hostPID") is True:
        message = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield errors.invalid_value(f"{path}.shareProcessNamespace", value=True, message=message)
    if context.get("sysctls"):
        yield from _sysctls(f"{path}.sysctls", spec, shape.items(context, "sysctls"))
    change = context.get("fsGroupChangePolicy")
    if type(change) is str and change not in _CHANGE_POLICIES:
        yield errors.not_supported(f"{path}.fsGroupChangePolicy", change, _CHANGE_POLICIES)
    yield from _seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    yield from windows.options_problems(f"{path}.windowsOptions", context.get("windowsOptions"))
    yield from _app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))
    groups = context.get("supplementalGroupsPolicy")
    if type(groups) is str and groups not in _GROUPS_POLICIES:
        yield errors.not_supported(f"{path}.supplementalGroupsPolicy", groups, _GROUPS_POLICIES)
    selinux = context.get("seLinuxChangePolicy")
    if type(selinux) is str and selinux not in _SELINUX_POLICIES:
        yield errors.not_supported(f"{path}.seLinuxChangePolicy", selinux, _SELINUX_POLICIES)


def _sysctls(path: str, spec: Object, sysctls: list[Object]) -> Causes:
    seen = set()
    for index, sysctl in enumerate(sysctls):
        at, name = f"{path}[{index}].name", shape.text(sysctl, "name")
        if not name:
            yield errors.required(at, "")
        elif len(name) > _SYSCTL_LENGTH_MAX or not _SYSCTL_PATTERN.match(name):
            message = f"must have at most {_SYSCTL_LENGTH_MAX} characters and match regex {_SYSCTL}"
            yield errors.invalid_value(at, name, message)
        elif name in seen:
            yield errors.duplicate(at, name)
        if spec.get("hostNetwork") is True and name.startswith(_NETWORK_SYSCTLS):
            yield errors.invalid_value(at, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") is True and name.startswith(_IPC_SYSCTLS):
            yield errors.invalid_value(at, name, "may not be specified when 'hostIPC' is true")
        seen.add(name)


def _seccomp(path: str, profile: object) -> Causes:
    if type(profile) is not dict:
        return
    kind, local = shape.text(profile, "type"), profile.get("localhostProfile")
    if not kind:
        yield errors.required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        yield errors.not_supported(f"{path}.type", kind, _PROFILES)
    if kind == "Localhost":
        if type(local) is not str:
            yield errors.required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
        else:
            yield from paths.descending(f"{path}.localhostProfile", local)
    elif local is not None:
        message = "can only be set when seccomp type is Localhost"
        yield errors.invalid_value(f"{path}.localhostProfile", profile, message)


def _app_armor(path: str, profile: object) -> Causes:
    if type(profile) is not dict:
        return
    kind, local, at = shape.text(profile, "type"), profile.get("localhostProfile"), f"{path}.localhostProfile"
    if not kind:
        yield errors.required(f"{path}.type", "type is required when appArmorProfile is set")
    elif kind not in _PROFILES:
        yield errors.not_supported(f"{path}.type", kind, _PROFILES)
    elif kind != "Localhost":
        if local is not None:
            yield errors.invalid_value(at, local, "can only be set when AppArmor type is Localhost")
    elif type(local) is not str:
        yield errors.required(at, "must be set when AppArmor type is Localhost")
    else:
        if local != local.strip():
            yield errors.invalid_value(at, local, "must not be padded with whitespace")
        elif not local:
            yield errors.required(at, "must be set when AppArmor type is Localhost")
        if len(local.encode(errors="surrogatepass")) > _LOCAL_PROFILE_MAX:
            yield errors.too_long(at, _LOCAL_PROFILE_MAX)


def container_problems(path: str, context: Object, *, host_users: bool) -> Causes:
    """A container's own context; `host_users`: the pod shares the host's user namespace."""
    yield from _ids(path, context, ("runAsUser", "runAsGroup"))
    proc = context.get("procMount")
    if type(proc) is str:
        if proc not in _PROC_MOUNTS:
            yield errors.not_supported(f"{path}.procMount", proc, _PROC_MOUNTS)
        if host_users and proc == "Unmasked":
            yield errors.invalid_value(f"{path}.procMount", proc, "`hostUsers` must be false to use `Unmasked`")
    yield from _seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged") is True:
            message = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            yield errors.invalid_value(path, context, message)
        if "CAP_SYS_ADMIN" in shape.texts(shape.mapping(context, "capabilities"), "add"):
            message = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield errors.invalid_value(path, context, message)
    yield from windows.options_problems(f"{path}.windowsOptions", context.get("windowsOptions"))
    yield from _app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))
