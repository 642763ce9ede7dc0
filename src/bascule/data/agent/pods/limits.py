"""From a pod's resources and security context to what a runtime enforces. Pure."""

from __future__ import annotations

import math
from typing import Any

from bascule.data.agent.pods import model
from bascule.data.agent.sources import ConfigFault
from bascule.data.runtime import contract
from bascule.vocabulary import quantity
from bascule.vocabulary.objects import Object

PERIOD_US = 100_000
SMALLEST_QUOTA_US = 1_000


def resources(pod: Object, container: model.Spec, memory_capacity_bytes: int) -> contract.Resources:
    """Shares from the CPU request (or limit), quota from its limit, memory from its limit."""
    wanted = container.get("resources") or {}
    limits, requests = wanted.get("limits") or {}, wanted.get("requests") or {}
    limit_milli = quantity.to_milli(str(limits["cpu"])) if "cpu" in limits else 0
    request_milli = quantity.to_milli(str(requests["cpu"])) if "cpu" in requests else limit_milli
    quota = max(SMALLEST_QUOTA_US, limit_milli * PERIOD_US // 1000) if limit_milli else 0
    return contract.Resources(
        cpu_shares=max(2, request_milli * 1024 // 1000),
        cpu_quota_us=quota,
        cpu_period_us=PERIOD_US,
        memory_limit_bytes=quantity.to_int(str(limits["memory"])) if "memory" in limits else 0,
        oom_score_adj=_oom_score(pod, requests or limits, memory_capacity_bytes),
    )


def _oom_score(pod: Object, requests: dict[str, Any], capacity: int) -> int:
    """Guaranteed pods die last, best-effort pods first, others by their share of the memory."""
    qos = (pod.get("status") or {}).get("qosClass") or "BestEffort"
    if qos == "Guaranteed":
        return -997
    if qos == "BestEffort" or "memory" not in requests or capacity <= 0:
        return 1000 if qos == "BestEffort" else 999
    share = 1000 - 1000 * quantity.to_int(str(requests["memory"])) // capacity
    return min(999, max(3, math.floor(share)))


def security(pod: Object, container: model.Spec | None, image_user: str = "") -> contract.Security:
    """The container's context over the pod's; for a sandbox, `container` is None."""
    spec = model.spec(pod)
    shared = spec.get("securityContext") or {}
    own = (container or {}).get("securityContext") or {}
    capabilities = own.get("capabilities") or {}

    def setting(name: str) -> Any:
        return own[name] if own.get(name) is not None else shared.get(name)

    user, group = setting("runAsUser"), setting("runAsGroup")
    if setting("runAsNonRoot") and container is not None:
        _refuse_root(container["name"], user, image_user)
    groups = [*(shared.get("supplementalGroups") or ())]
    if shared.get("fsGroup") is not None:
        groups.append(shared["fsGroup"])
    return contract.Security(
        run_as_user=user,
        run_as_group=group,
        supplemental_groups=tuple(dict.fromkeys(groups)),
        privileged=bool(own.get("privileged")) if container is not None else _any_privileged(pod),
        read_only_root=bool(own.get("readOnlyRootFilesystem")),
        no_new_privileges=own.get("allowPrivilegeEscalation") is False,
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        host_network=bool(spec.get("hostNetwork")),
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        share_process_namespace=bool(spec.get("shareProcessNamespace")),
    )


def _any_privileged(pod: Object) -> bool:
    """A sandbox takes privileged containers only where it is told beforehand that there are some."""
    containers = (*model.init_containers(pod), *model.main_containers(pod), *model.ephemeral_containers(pod))
    return any((container.get("securityContext") or {}).get("privileged") for container in containers)


def _refuse_root(name: str, user: int | None, image_user: str) -> None:
    if user == 0:
        raise ConfigFault(f"container's runAsUser breaks non-root policy (container: {name})")
    if user is None and image_user in ("", "0", "root"):
        raise ConfigFault(f"container has runAsNonRoot and image will run as root (container: {name})")
    if user is None and not image_user.split(":")[0].isdigit():
        raise ConfigFault(
            f"container has runAsNonRoot and image has non-numeric user ({image_user}), cannot verify user is non-root"
        )
