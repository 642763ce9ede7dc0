"""What an operating system allows: options only Windows has, and fields only Linux has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bascule.control.kinds import check, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_SYSTEMS = ("linux", "windows")
_CREDENTIALS_MAX_KIB = 64
_DOMAIN_MAX = 256
_USER_MAX = 104
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NETBIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_USER_CHARACTERS = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
_POD_CONTEXT = ("appArmorProfile", "seLinuxOptions")
_POD_CONTEXT_MORE = ("seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls")
_POD_CONTEXT_IDS = (
    *("runAsUser", "runAsGroup", "supplementalGroups"),
    *("supplementalGroupsPolicy", "seLinuxChangePolicy"),
)
_CONTAINER_CONTEXT = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem"),
    *("privileged", "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"),
)


def options_problems(path: str, options: object) -> Causes:
    """`windowsOptions` of a security context."""
    if type(options) is not dict:
        return
    name, spec = options.get("gmsaCredentialSpecName"), options.get("gmsaCredentialSpec")
    if type(name) is str:
        yield from check.subdomain(f"{path}.gmsaCredentialSpecName", name)
    if spec == "":
        message = "gmsaCredentialSpec cannot be an empty string"
        yield errors.invalid_value(f"{path}.gmsaCredentialSpec", spec, message)
    elif type(spec) is str and len(spec) > _CREDENTIALS_MAX_KIB * 1024:
        message = f"gmsaCredentialSpec size must be under {_CREDENTIALS_MAX_KIB} KiB"
        yield errors.invalid_value(f"{path}.gmsaCredentialSpec", spec, message)
    user = options.get("runAsUserName")
    if type(user) is str:
        for problem in _user_name(user):
            yield errors.invalid_value(f"{path}.runAsUserName", user, problem)


def _user_name(name: str) -> Iterator[str]:
    if not name:
        yield "runAsUserName cannot be an empty string"
        return
    if _CONTROL.search(name):
        yield "runAsUserName cannot contain control characters"
        return
    if name.count("\\") > 1:
        yield "runAsUserName cannot contain more than one backslash"
        return
    domain, backslash, user = name.rpartition("\\")
    if len(domain) >= _DOMAIN_MAX:
        yield f"runAsUserName's Domain length must be under {_DOMAIN_MAX} characters"
    if backslash and not (_NETBIOS.fullmatch(domain) or _DOMAIN.fullmatch(domain)):
        yield "runAsUserName's Domain doesn't match the NetBios nor the DNS format"
    if not user:
        yield "runAsUserName's User cannot be empty"
    elif len(user) > _USER_MAX:
        yield f"runAsUserName's User length must not be longer than {_USER_MAX} characters"
    if user and not user.strip(". "):
        yield "runAsUserName's User cannot contain only periods or spaces"
    if _USER_CHARACTERS.search(user):
        yield "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def _contexts(path: str, spec: Object) -> Iterator[tuple[str, Object]]:
    for role in CONTAINERS:
        for index, container in enumerate(shape.items(spec, role)):
            yield f"{path}.{role}[{index}].securityContext", shape.mapping(container, "securityContext")


def host_process_problems(path: str, spec: Object) -> Causes:
    """All containers run as processes of a Windows host, or none."""
    own = shape.mapping(shape.mapping(spec, "securityContext"), "windowsOptions").get("hostProcess")
    total = count = 0
    for at, context in _contexts(path, spec):
        total += 1
        inner = shape.mapping(context, "windowsOptions").get("hostProcess")
        if own is not None and inner is not None and own != inner:
            shown = "true" if own is True else "false"
            message = f"pod hostProcess value must be identical if both are specified, was {shown}"
            yield errors.invalid_value(f"{at}.windowsOptions.hostProcess", inner, message)
        count += inner is True or (inner is None and own is True)
    if not count:
        return
    if count != total:
        message = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        yield errors.invalid_value(path, "", message)
    if spec.get("hostNetwork") is not True:
        message = "hostNetwork must be true if pod contains any hostProcess containers"
        yield errors.invalid_value(f"{path}.hostNetwork", value=False, message=message)


def system_problems(path: str, spec: Object) -> Causes:
    """`spec.os`, and what the system it names does not have."""
    system = spec.get("os")
    if type(system) is not dict:
        return
    name = shape.text(system, "name")
    if not name:
        yield errors.required(f"{path}.os.name", "cannot be empty")
    elif name not in _SYSTEMS:
        yield errors.not_supported(f"{path}.os", name, _SYSTEMS)
    elif name == "linux":
        contexts = [(f"{path}.securityContext", shape.mapping(spec, "securityContext")), *_contexts(path, spec)]
        for at, context in contexts:
            if context.get("windowsOptions") is not None:
                message = "windows options cannot be set for a linux pod"
                yield errors.forbidden_field(f"{at}.windowsOptions", message)
    else:
        yield from _windows(path, spec)


def _windows(path: str, spec: Object) -> Causes:
    context, at = shape.mapping(spec, "securityContext"), f"{path}.securityContext"
    yield from _absent(at, context, _POD_CONTEXT)
    yield from _absent(path, spec, ("hostUsers",))
    for field in ("hostPID", "hostIPC"):
        if spec.get(field) is True:
            yield errors.forbidden_field(f"{path}.{field}", _NOT_ON_WINDOWS)
    yield from _absent(at, context, _POD_CONTEXT_MORE)
    yield from _absent(path, spec, ("shareProcessNamespace",))
    yield from _absent(at, context, _POD_CONTEXT_IDS)
    for where, inner in _contexts(path, spec):
        yield from _absent(where, inner, _CONTAINER_CONTEXT)


def _absent(path: str, container: Object, fields: tuple[str, ...]) -> Causes:
    for field in fields:
        if container.get(field) is not None and container[field] != []:
            yield errors.forbidden_field(f"{path}.{field}", _NOT_ON_WINDOWS)
