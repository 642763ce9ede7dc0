"""The checks of the Pod Security Standards: what in a pod a level forbids, worded as upstream words it.

Pure. `violations(pod, level, minor)` takes a pod or a pod template, and the minor version of the standards that a
namespace pins. Where a restricted check subsumes a baseline one, only the restricted one speaks.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from bascule.vocabulary import objects

Check = Callable[[objects.Object, int], str]
Container = dict[str, Any]

_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
LATEST: Final = 1 << 16
"""The minor version of `latest`."""
_SYSCTLS: Final = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}
"""Name: the minor version since which it is safe."""
_SELINUX_TYPES: Final = ("", "container_t", "container_init_t", "container_kvm_t")
_SELINUX_ENGINE: Final = ("container_engine_t", 31)
_WINDOWS_SINCE: Final = 25
_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SPEAKING: Final = ("securityContext", "hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers")
_SPEAKING_CONTAINER: Final = frozenset({"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"})
_SECCOMP: Final = ("RuntimeDefault", "Localhost")


def violations(pod: objects.Object, level: str, minor: int = LATEST) -> list[str]:
    """One text for each check that fails; empty when the pod is within the level."""
    if level == "privileged" or (level == "baseline" and _is_plain(pod)):
        return []
    checks = [check for check, since in _BASELINE if since <= minor]
    if level == "restricted":
        restricted = [check for check, since in _RESTRICTED if since <= minor]
        subsumed = {_SUBSUMED.get(check) for check in restricted}
        checks = [*(check for check in checks if check not in subsumed), *restricted]
    return [text for check in checks if (text := check(pod, minor))]


def _is_plain(pod: objects.Object) -> bool:
    """A cheap look at whether any baseline check has anything to look at; most pods end here."""
    spec = _spec(pod)
    if any(spec.get(field) for field in _SPEAKING) or any("apparmor" in key for key in objects.annotations(pod)):
        return False
    for volume in spec.get("volumes") or ():
        if "hostPath" in volume:
            return False
    for container in spec.get("containers") or ():
        if not _SPEAKING_CONTAINER.isdisjoint(container) or container.get("securityContext"):
            return False
        for port in container.get("ports") or ():
            if "hostPort" in port:
                return False
    return True


def _spec(pod: objects.Object) -> dict[str, Any]:
    return pod.get("spec") or {}


def _security(holder: dict[str, Any]) -> dict[str, Any]:
    return holder.get("securityContext") or {}


def _containers(pod: objects.Object) -> Iterator[Container]:
    spec = _spec(pod)
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _windows(pod: objects.Object) -> bool:
    return bool((_spec(pod).get("os") or {}).get("name") == "windows")


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _who(names: list[str], kind: str = "container") -> str:
    return f"{kind if len(names) == 1 else kind + 's'} {_quoted(names)}"


def _named(pod: objects.Object, bad: Callable[[Container], object]) -> list[str]:
    return [str(container.get("name")) for container in _containers(pod) if bad(container)]


def _host_namespaces(pod: objects.Object, minor: int) -> str:
    found = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if _spec(pod).get(field)]
    return f"host namespaces ({', '.join(found)})" if found else ""


def _host_paths(pod: objects.Object, minor: int) -> str:
    names = [str(v.get("name")) for v in _spec(pod).get("volumes") or () if v.get("hostPath") is not None]
    return f"hostPath volumes ({_who(names, 'volume')})" if names else ""


def _host_ports(pod: objects.Object, minor: int) -> str:
    names, ports = [], set()
    for container in _containers(pod):
        found = {port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")}
        if found:
            names.append(str(container.get("name")))
            ports |= found
    if not names:
        return ""
    verb = "uses" if len(names) == 1 else "use"
    noun = "hostPort" if len(ports) == 1 else "hostPorts"
    return f"hostPort ({_who(names)} {verb} {noun} {', '.join(sorted(map(str, ports)))})"


def _privileged(pod: objects.Object, minor: int) -> str:
    names = _named(pod, lambda c: _security(c).get("privileged"))
    return f"privileged ({_who(names)} must not set securityContext.privileged=true)" if names else ""


def _capabilities_baseline(pod: objects.Object, minor: int) -> str:
    extra: set[str] = set()

    def bad(container: Container) -> bool:
        added = set((_security(container).get("capabilities") or {}).get("add") or ()) - _CAPABILITIES
        extra.update(added)
        return bool(added)

    names = _named(pod, bad)
    if not names:
        return ""
    listed = _quoted(sorted(extra))
    return f"non-default capabilities ({_who(names)} must not include {listed} in securityContext.capabilities.add)"


def _app_armor(pod: objects.Object, minor: int) -> str:
    prefix = "container.apparmor.security.beta.kubernetes.io/"
    found = [
        f'{key}="{text}"'
        for key, text in sorted(objects.annotations(pod).items())
        if key.startswith(prefix) and text not in ("", "runtime/default") and not text.startswith("localhost/")
    ]
    holders = [_spec(pod), *_containers(pod)]
    for holder in holders:
        kind = (_security(holder).get("appArmorProfile") or {}).get("type")
        if kind == "Unconfined":
            found.append('appArmorProfile.type="Unconfined"')
    if not found:
        return ""
    return f"forbidden AppArmor profile{'s' if len(found) > 1 else ''} ({', '.join(found)})"


def _se_linux(pod: objects.Object, minor: int) -> str:
    types: set[str] = set()
    fields: set[str] = set()

    def bad(holder: dict[str, Any]) -> bool:
        options = _security(holder).get("seLinuxOptions") or {}
        kind = options.get("type") or ""
        wrong_type = kind not in _SELINUX_TYPES and (kind != _SELINUX_ENGINE[0] or minor < _SELINUX_ENGINE[1])
        if wrong_type:
            types.add(kind)
        fields.update(field for field in ("user", "role") if options.get(field))
        return wrong_type or any(options.get(field) for field in ("user", "role"))

    on_pod, names = bad(_spec(pod)), _named(pod, bad)
    if not on_pod and not names:
        return ""
    who = " and ".join((["pod"] if on_pod else []) + ([_who(names)] if names else []))
    problems = [f"type{'s' if len(types) > 1 else ''} {_quoted(sorted(types))}"] if types else []
    problems += [f"{field} may not be set" for field in ("user", "role") if field in fields]
    return f"seLinuxOptions ({who} set forbidden securityContext.seLinuxOptions: {'; '.join(problems)})"


def _proc_mount(pod: objects.Object, minor: int) -> str:
    names = _named(pod, lambda c: _security(c).get("procMount") not in (None, "Default"))
    if not names:
        return ""
    values = sorted({_security(c)["procMount"] for c in _containers(pod) if c.get("name") in names})
    return f"procMount ({_who(names)} must not set securityContext.procMount to {_quoted(values)})"


def _seccomp_baseline(pod: objects.Object, minor: int) -> str:
    def bad(holder: dict[str, Any]) -> bool:
        return (_security(holder).get("seccompProfile") or {}).get("type") == "Unconfined"

    on_pod, names = bad(_spec(pod)), _named(pod, bad)
    who = (["pod"] if on_pod else []) + ([_who(names)] if names else [])
    if not who:
        return ""
    return f'seccompProfile ({" and ".join(who)} must not set securityContext.seccompProfile.type to "Unconfined")'


def _sysctls(pod: objects.Object, minor: int) -> str:
    named = [str(item.get("name")) for item in _security(_spec(pod)).get("sysctls") or ()]
    found = sorted(name for name in named if _SYSCTLS.get(name, LATEST + 1) > minor)
    return f"forbidden sysctls ({', '.join(found)})" if found else ""


def _host_process(pod: objects.Object, minor: int) -> str:
    def bad(holder: dict[str, Any]) -> bool:
        return bool((_security(holder).get("windowsOptions") or {}).get("hostProcess"))

    on_pod, names = bad(_spec(pod)), _named(pod, bad)
    who = (["pod"] if on_pod else []) + ([_who(names)] if names else [])
    text = "must not set securityContext.windowsOptions.hostProcess=true"
    return f"hostProcess ({' and '.join(who)} {text})" if who else ""


def _host_probes(pod: objects.Object, minor: int) -> str:
    hosts: set[str] = set()

    def bad(container: Container) -> bool:
        probes = [container.get(kind) or {} for kind in ("livenessProbe", "readinessProbe", "startupProbe")]
        hooks = container.get("lifecycle") or {}
        handlers = [*probes, hooks.get("postStart") or {}, hooks.get("preStop") or {}]
        found = {
            handler[action]["host"]
            for handler in handlers
            for action in ("httpGet", "tcpSocket")
            if (handler.get(action) or {}).get("host")
        }
        hosts.update(found)
        return bool(found)

    names = _named(pod, bad)
    if not names:
        return ""
    verb = "uses" if len(names) == 1 else "use"
    noun = "host" if len(hosts) == 1 else "hosts"
    return f"probe or lifecycle host ({_who(names)} {verb} probe or lifecycle {noun} {_quoted(sorted(hosts))})"


def _escalation(pod: objects.Object, minor: int) -> str:
    if _windows(pod) and minor >= _WINDOWS_SINCE:
        return ""
    names = _named(pod, lambda c: _security(c).get("allowPrivilegeEscalation") is not False)
    text = "must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({_who(names)} {text})" if names else ""


def _capabilities_restricted(pod: objects.Object, minor: int) -> str:
    if _windows(pod) and minor >= _WINDOWS_SINCE:
        return ""
    extra: set[str] = set()

    def keeps(container: Container) -> bool:
        return "ALL" not in ((_security(container).get("capabilities") or {}).get("drop") or ())

    def adds(container: Container) -> bool:
        added = set((_security(container).get("capabilities") or {}).get("add") or ()) - {"NET_BIND_SERVICE"}
        extra.update(added)
        return bool(added)

    problems = []
    names = _named(pod, keeps)
    if names:
        problems.append(f'{_who(names)} must set securityContext.capabilities.drop=["ALL"]')
    names = _named(pod, adds)
    if names:
        listed = _quoted(sorted(extra))
        problems.append(f"{_who(names)} must not include {listed} in securityContext.capabilities.add")
    return f"unrestricted capabilities ({'; '.join(problems)})" if problems else ""


def _volume_types(pod: objects.Object, minor: int) -> str:
    names, kinds = [], set()
    for volume in _spec(pod).get("volumes") or ():
        bad = sorted(
            key for key, source in volume.items() if key != "name" and source is not None and key not in _VOLUMES
        )
        if bad:
            names.append(str(volume.get("name")))
            kinds.add(bad[0])
    if not names:
        return ""
    verb = "uses" if len(names) == 1 else "use"
    noun = "type" if len(kinds) == 1 else "types"
    who = f"{_who(names, 'volume')} {verb} restricted volume {noun} {_quoted(sorted(kinds))}"
    return f"restricted volume types ({who})"


def _run_as_non_root(pod: objects.Object, minor: int) -> str:
    default = _security(_spec(pod)).get("runAsNonRoot")
    explicit = _named(pod, lambda c: _security(c).get("runAsNonRoot") is False)
    if explicit:
        return f"runAsNonRoot != true ({_who(explicit)} must not set securityContext.runAsNonRoot=false)"
    unset = _named(pod, lambda c: _security(c).get("runAsNonRoot") is None)
    if default is True or not unset:
        return ""
    if default is False:
        return "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"
    return f"runAsNonRoot != true (pod or {_who(unset)} must set securityContext.runAsNonRoot=true)"


def _run_as_user(pod: objects.Object, minor: int) -> str:
    def bad(holder: dict[str, Any]) -> bool:
        return _security(holder).get("runAsUser") == 0

    names = _named(pod, bad)
    who = (["pod"] if bad(_spec(pod)) else []) + ([_who(names)] if names else [])
    return f"runAsUser=0 ({' and '.join(who)} must not set runAsUser=0)" if who else ""


def _seccomp_restricted(pod: objects.Object, minor: int) -> str:
    if _windows(pod) and minor >= _WINDOWS_SINCE:
        return ""

    def kind(holder: dict[str, Any]) -> str | None:
        found: str | None = (_security(holder).get("seccompProfile") or {}).get("type")
        return found

    default = kind(_spec(pod))
    wrong = _named(pod, lambda c: kind(c) is not None and kind(c) not in _SECCOMP)
    if wrong:
        values = sorted({str(kind(c)) for c in _containers(pod) if c.get("name") in wrong})
        return f"seccompProfile ({_who(wrong)} must not set securityContext.seccompProfile.type to {_quoted(values)})"
    unset = _named(pod, lambda c: kind(c) is None)
    if default in _SECCOMP or not unset:
        return ""
    if default is not None:
        return f'seccompProfile (pod must not set securityContext.seccompProfile.type to "{default}")'
    text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return f"seccompProfile (pod or {_who(unset)} {text})"


_BASELINE: Final[tuple[tuple[Check, int], ...]] = (
    (_app_armor, 0),
    (_capabilities_baseline, 0),
    (_host_namespaces, 0),
    (_host_paths, 0),
    (_host_ports, 0),
    (_host_probes, 34),
    (_privileged, 0),
    (_proc_mount, 0),
    (_se_linux, 0),
    (_seccomp_baseline, 19),
    (_sysctls, 0),
    (_host_process, 0),
)
_RESTRICTED: Final[tuple[tuple[Check, int], ...]] = (
    (_escalation, 8),
    (_capabilities_restricted, 22),
    (_volume_types, 0),
    (_run_as_non_root, 0),
    (_run_as_user, 23),
    (_seccomp_restricted, 19),
)
"""Checks with the minor version since which they exist."""
_SUBSUMED: Final[dict[Check, Check]] = {
    _capabilities_restricted: _capabilities_baseline,
    _volume_types: _host_paths,
    _seccomp_restricted: _seccomp_baseline,
}
