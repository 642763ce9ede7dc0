"""Starting things: a pod's sandbox, and one run of a container from image to postStart hook."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from bascule.data.agent.host import Host
from bascule.data.agent.pods import environment, limits, model, probers, pulling
from bascule.data.agent.pods.fields import Addresses
from bascule.data.agent.sources import ConfigFault, Sources
from bascule.data.agent.volumes.mounts import Volumes
from bascule.data.runtime import contract
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

TERMINATION_PATH = "/dev/termination-log"
NODE_HOSTS = Path("/etc/hosts")
LOCAL_HOSTS = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
)


async def sandbox(host: Host, pod: Object, attempt: int) -> contract.Sandbox:
    """An address and a sandbox for the pod."""
    given = await host.network.attach(pod)
    spec = model.spec(pod)
    uid, name, namespace = objects.uid(pod), objects.name(pod), objects.namespace(pod)
    logs = host.log_directory(namespace, name, uid)
    logs.mkdir(parents=True, exist_ok=True)
    ports = tuple(
        contract.PortMapping(
            port["containerPort"], port["hostPort"], port.get("protocol") or "TCP", port.get("hostIP") or ""
        )
        for container in model.main_containers(pod)
        for port in container.get("ports") or ()
        if port.get("hostPort") and not spec.get("hostNetwork")
    )
    sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
    return await host.runtime.create_sandbox(
        contract.SandboxSpec(
            uid=uid,
            name=name,
            namespace=namespace,
            cluster=objects.cluster(pod),
            attempt=attempt,
            hostname="" if spec.get("hostNetwork") else str(spec.get("hostname") or name)[:63].rstrip("-."),
            log_directory=str(logs),
            cgroup_parent=f"{host.cgroup_parent}/{uid}" if host.cgroup_parent else "",
            ip=given.ip,
            dns=given.dns,
            security=limits.security(pod, None),
            port_mappings=ports,
            sysctls=tuple((item["name"], str(item["value"])) for item in sysctls),
            annotations=tuple(sorted(objects.annotations(pod).items())),
        )
    )


async def container(
    host: Host, pod: Object, volumes: Volumes, action: model.StartContainer, pod_ip: str, *, target_id: str = ""
) -> tuple[str, str]:
    """Create and start one run, which sees the processes of the run `target_id`.

    Returns its id and, where the postStart hook failed, why.
    """
    spec = model.container_spec(pod, action.name)
    if spec is None:
        raise ConfigFault(f"the pod has no container named {action.name}")
    addresses = Addresses(pod_ip, host.host_ip)
    sources = Sources(host.ledger, pod, host.node)
    volumes.prepare(pod, sources, addresses)
    variables = environment.environment(pod, spec, sources, addresses)  # before the image: it may have to wait
    found = await pulling.image(host, pod, spec, sources)
    known = dict(variables)
    mounts = volumes.mounts(pod, spec, known)
    mounts += _own_mounts(host, pod, spec, action, pod_ip, {mount.container_path for mount in mounts})
    config = contract.ContainerSpec(
        name=action.name,
        image=spec.get("image") or "",
        attempt=action.attempt,
        command=tuple(environment.expand(item, known) for item in spec.get("command") or ()),
        args=tuple(environment.expand(item, known) for item in spec.get("args") or ()),
        env=tuple(variables),
        working_dir=spec.get("workingDir") or "",
        mounts=tuple(mounts),
        log_path=f"{action.name}/{action.attempt}.log",
        stdin=bool(spec.get("stdin")),
        stdin_once=bool(spec.get("stdinOnce")),
        tty=bool(spec.get("tty")),
        resources=limits.resources(pod, spec, host.memory_bytes),
        security=dataclasses.replace(limits.security(pod, spec, found.user), process_namespace_of=target_id),
        annotations=tuple(
            (key, value)
            for key, value in sorted(objects.annotations(pod).items())
            if key.startswith("hollow.bascule.dev/")
        ),
        is_awaited=spec in model.init_containers(pod) and not model.is_sidecar(spec),
    )
    run_id = await host.runtime.create_container(action.sandbox_id, config)
    host.events.pod(pod, "Created", f"Created container: {action.name}", container=action.name)
    await host.runtime.start_container(run_id)
    host.events.pod(pod, "Started", f"Started container {action.name}", container=action.name)
    hook = (spec.get("lifecycle") or {}).get("postStart")
    if not hook:
        return run_id, ""
    healthy, seen = await probers.run_hook(hook, spec, run_id, host.runtime, pod_ip)
    return run_id, "" if healthy else f"PostStartHook failed: {seen}"


def termination_file(host: Host, pod: Object, name: str, attempt: int) -> Path:
    return host.pod_directory(objects.uid(pod)) / "containers" / name / f"{attempt}.termination"


def _own_mounts(
    host: Host,
    pod: Object,
    spec: model.Spec,
    action: model.StartContainer,
    pod_ip: str,
    taken: set[str],
) -> list[contract.Mount]:
    """The termination message's file and the hosts file, unless the pod mounts something there itself."""
    out = []
    path = spec.get("terminationMessagePath") or TERMINATION_PATH
    file = termination_file(host, pod, action.name, action.attempt)
    if path not in taken and host.runtime.name != "hollow":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.chmod(0o666)
        out.append(contract.Mount(str(file), path))
    if host.manages_hosts_file and "/etc/hosts" not in taken:
        hosts = host.pod_directory(objects.uid(pod)) / "etc-hosts"
        shared = bool(model.spec(pod).get("hostNetwork"))
        hosts.write_text(hosts_file(pod, pod_ip, of_node=NODE_HOSTS.read_text() if shared else ""))
        hosts.chmod(0o644)
        out.append(contract.Mount(str(hosts), "/etc/hosts"))
    return out


def hosts_file(pod: Object, pod_ip: str, *, of_node: str = "") -> str:
    """What a pod's names resolve to; `of_node` is the node's own file where the pod shares its network.

    The first line is what programs and tests know a managed file by.
    """
    spec = model.spec(pod)
    name = spec.get("hostname") or objects.name(pod)
    if of_node:
        lines = ["# Kubernetes-managed hosts file (host network).", *of_node.splitlines()]
    else:
        lines = ["# Kubernetes-managed hosts file.", *LOCAL_HOSTS]
    if pod_ip and not of_node:
        domain = spec.get("subdomain")
        full = f"{name}.{domain}.{objects.namespace(pod)}.svc.cluster.local\t" if domain else ""
        lines.append(f"{pod_ip}\t{full}{name}")
    if aliases := spec.get("hostAliases"):
        lines += ["", "# Entries added by HostAliases."]
        lines += [f"{alias['ip']}\t" + "\t".join(alias.get("hostnames") or ()) for alias in aliases]
    return "\n".join(lines) + "\n"


async def kill(host: Host, pod: Object, action: model.KillContainer, pod_ip: str, *, ran: bool = True) -> None:
    """preStop within the grace period, then SIGTERM with what is left of it (at least 2 s), then SIGKILL."""
    host.events.pod(pod, action.reason, action.message, container=action.name)
    spec = model.container_spec(pod, action.name)
    grace = action.grace_seconds
    hook = ((spec or {}).get("lifecycle") or {}).get("preStop")
    if hook and spec is not None and ran and grace > 0:
        begun = host.clock.monotonic()
        try:
            hooked = probers.run_hook(hook, spec, action.id, host.runtime, pod_ip)
            healthy, seen = await asyncio.wait_for(hooked, grace)
            if not healthy:
                host.events.pod(
                    pod, "FailedPreStopHook", f"PreStopHook failed: {seen}", container=action.name, warning=True
                )
        except TimeoutError:
            pass
        grace = max(2.0, grace - (host.clock.monotonic() - begun))
    await host.runtime.stop_container(action.id, grace)
