"""From the contract's specs to CRI's messages, as plain dicts. Pure."""

from __future__ import annotations

from typing import Any

from bascule.data.runtime import contract

POD, CONTAINER, NODE, TARGET = 0, 1, 2, 3
PROTOCOLS = {"TCP": 0, "UDP": 1, "SCTP": 2}
PROPAGATION = {"None": 0, "HostToContainer": 1, "Bidirectional": 2}
IMAGE_ANNOTATION = "bascule.dev/image"
CONFIG_ANNOTATION = "bascule.dev/sandbox-config"
MASKED = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def namespaces(security: contract.Security) -> dict[str, Any]:
    pid = NODE if security.host_pid else POD if security.share_process_namespace else CONTAINER
    shared = {"network": NODE if security.host_network else POD, "ipc": NODE if security.host_ipc else POD}
    if security.process_namespace_of and pid == CONTAINER:
        return shared | {"pid": TARGET, "target_id": security.process_namespace_of}
    return shared | {"pid": pid}


def _identity(security: contract.Security) -> dict[str, Any]:
    out: dict[str, Any] = {"supplemental_groups": list(security.supplemental_groups)}
    if security.run_as_user is not None:
        out["run_as_user"] = {"value": security.run_as_user}
        if security.run_as_group is not None:
            out["run_as_group"] = {"value": security.run_as_group}
    return out


def sandbox(spec: contract.SandboxSpec) -> dict[str, Any]:
    """A PodSandboxConfig. The sandbox's own process runs as whom the image says: it only sleeps."""
    labels = dict(spec.labels) | {
        contract.LABEL_POD_UID: spec.uid,
        contract.LABEL_POD_NAME: spec.name,
        contract.LABEL_POD_NAMESPACE: spec.namespace,
        contract.LABEL_CLUSTER: spec.cluster,
    }
    security = {"namespace_options": namespaces(spec.security), "privileged": spec.security.privileged}
    out: dict[str, Any] = {
        "metadata": {"name": spec.name, "uid": spec.uid, "namespace": spec.namespace, "attempt": spec.attempt},
        "hostname": spec.hostname,
        "log_directory": spec.log_directory,
        "labels": labels,
        "annotations": {},
        "port_mappings": [
            {
                "protocol": PROTOCOLS.get(port.protocol, 0),
                "container_port": port.container_port,
                "host_port": port.host_port,
                "host_ip": port.host_ip,
            }
            for port in spec.port_mappings
        ],
        "linux": {
            "cgroup_parent": spec.cgroup_parent,
            "security_context": security,
            "sysctls": dict(spec.sysctls),
        },
    }
    if spec.dns is not None:
        dns = spec.dns
        lists = {"servers": dns.servers, "searches": dns.searches, "options": dns.options}
        out["dns_config"] = {name: list(values) for name, values in lists.items()}
    return out


def container(spec: contract.ContainerSpec, labels: dict[str, str]) -> dict[str, Any]:
    """A ContainerConfig; `labels` are the sandbox's."""
    limits, security = spec.resources, spec.security
    context = _identity(security) | {
        "capabilities": {
            "add_capabilities": list(security.add_capabilities),
            "drop_capabilities": list(security.drop_capabilities),
        },
        "privileged": security.privileged,
        "namespace_options": namespaces(security),
        "readonly_rootfs": security.read_only_root,
        "no_new_privs": security.no_new_privileges,
        "masked_paths": [] if security.privileged else list(MASKED),
        "readonly_paths": [] if security.privileged else list(READ_ONLY),
    }
    return {
        "metadata": {"name": spec.name, "attempt": spec.attempt},
        "image": {"image": spec.image},
        "command": list(spec.command),
        "args": list(spec.args),
        "working_dir": spec.working_dir,
        "envs": [{"key": key, "value": value} for key, value in spec.env],
        "mounts": [
            {
                "host_path": mount.host_path,
                "container_path": mount.container_path,
                "readonly": mount.read_only,
                "propagation": PROPAGATION.get(mount.propagation, 0),
            }
            for mount in spec.mounts
        ],
        "labels": labels | {contract.LABEL_CONTAINER: spec.name},
        "annotations": dict(spec.annotations) | {IMAGE_ANNOTATION: spec.image},
        "log_path": spec.log_path,
        "stdin": spec.stdin,
        "stdin_once": spec.stdin_once,
        "tty": spec.tty,
        "linux": {
            "resources": {
                "cpu_period": limits.cpu_period_us,
                "cpu_quota": limits.cpu_quota_us,
                "cpu_shares": limits.cpu_shares,
                "memory_limit_in_bytes": limits.memory_limit_bytes,
                "oom_score_adj": limits.oom_score_adj,
            },
            "security_context": context,
        },
    }
