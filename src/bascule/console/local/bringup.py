"""``bascule up`` and ``down``: the order in which an installation comes to life and is put away.

``up`` is idempotent: what runs is left alone, what is missing is started, and the data of an earlier run is kept.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bascule.bridge.identity import faults as identity_faults
from bascule.bridge.identity import nodes as node_identities
from bascule.client import faults, kubeconfig
from bascule.client.api import Client
from bascule.console.local import bridge, hostnet, machine, plan, processes, supervisor
from bascule.console.local.layout import Installation, Layout, Node
from bascule.vocabulary import builtins, conditions, errors
from bascule.vocabulary.clock import SystemClock
from bascule.vocabulary.objects import Object

Say = Callable[[str], None]
READY_SECONDS = 120.0
HOLLOW_SECONDS = 0.6
"""How much longer each hollow node may take: they share one process."""
TELL_SECONDS = 10.0
TEAR_DOWN_SECONDS = 60.0
API_PORT = 6443
PORTS = range(20_000, 30_000)
"""Below node ports (30000) and below what the kernel gives to outgoing connections (32768)."""
RUNTIMES = ("containerd", "process", "hollow")


class BringUpError(Exception):
    """The platform did not come up; the message says what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for; None means choose."""

    data_dir: Path
    nodes: int | None = None
    zones: int | None = None
    runtime: str | None = None
    port: int | None = None
    offline_grace: str | None = None


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def any_port(*, count: int = 1) -> int:
    """The first of ``count`` free neighbours, in a range the kernel gives to nobody else.

    A port chosen now must still be free when its server starts, and whenever it starts again.
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS) - count)
        if all(is_free(port + offset) for offset in range(count)):
            return port


def choose(wishes: Wishes, layout: Layout) -> Installation:
    """The installation for a first ``up``. Raises BringUpError for what this machine cannot give."""
    runtime = wishes.runtime or ("containerd" if machine.containerd_ready() else "process")
    if runtime == "containerd" and not machine.containerd_ready():
        lacks = [f.name for f in machine.findings() if not f.present and f.name not in ("envoy", "kubectl")]
        raise BringUpError(
            f"the runtime containerd cannot be used here: {', '.join(lacks)} missing. "
            "Run bascule doctor, or use --runtime process."
        )
    port = wishes.port or (any_port() if wishes.port == 0 or not is_free(API_PORT) else API_PORT)
    if not is_free(port):
        raise BringUpError(
            f"port {port} is in use on 127.0.0.1. Stop what uses it, or choose another with --port (0 picks one)."
        )
    count, zones = wishes.nodes or 1, wishes.zones or 1
    if count < 1 or zones < 1:
        raise BringUpError("--nodes and --zones must be at least 1")
    isolated = runtime == "containerd"
    subnet = hostnet.free_subnet() if isolated else None
    service_cidr = hostnet.service_range(subnet) if subnet else "127.96.0.0/16"
    cluster_cidr = "10.244.0.0/16" if isolated else "127.128.0.0/10"
    pod_ranges = list(ipaddress.ip_network(cluster_cidr).subnets(new_prefix=24)) if isolated else []
    if isolated and count > len(pod_ranges):
        raise BringUpError(f"--nodes {count} is more than the {len(pod_ranges)} pod ranges of {cluster_cidr}")
    names = ["hollow"] if runtime == "hollow" else [f"node-{number + 1}" for number in range(count)]
    nodes = tuple(
        Node(
            name,
            f"zone-{number % zones + 1}",
            hostnet.node_address(subnet, number) if subnet else "127.0.0.1",
            hostnet.namespace_name(layout.tag, name) if subnet else "",
            str(pod_ranges[number]) if subnet else "",
        )
        for number, name in enumerate(names)
    )
    if runtime == "hollow":
        nodes = tuple(Node("hollow", f"zone-{number + 1}") for number in range(zones))
    return Installation(
        runtime=runtime,
        nodes=nodes,
        api_port=port,
        admin_ports={name: any_port() for name in ("controllers", "scheduler", "bridgehead")},
        bridge_port=any_port(count=2),
        tunnel_port=any_port(),
        service_cidr=service_cidr,
        cluster_cidr=cluster_cidr,
        dns_address=str(ipaddress.IPv4Network(service_cidr)[10]) if isolated else "127.0.0.1",
        dns_port=53 if isolated else any_port(),
        gateway=str(subnet[1]) if subnet else "",
        link=hostnet.link_name(layout.tag) if subnet else "",
        hollow_count=count if runtime == "hollow" else 0,
        offline_grace=wishes.offline_grace or "7d",
    )


async def up(wishes: Wishes, say: Say) -> Installation:
    """Brings everything up and returns when it is ready. Raises BringUpError or LayoutError."""
    layout = Layout(wishes.data_dir)
    layout.prepare()
    installation = layout.load()
    if installation is None:
        installation = choose(wishes, layout)
        layout.save(installation)
        say(f"new installation in {layout.data_dir}: runtime {installation.runtime}, {_count(installation)}")
    else:
        say(f"installation in {layout.data_dir}: runtime {installation.runtime}, {_count(installation)}")
        _refuse_changes(wishes, installation)
    if installation.link:
        hostnet.raise_links(installation, layout.tag)
    control = plan.control_tower(installation, layout)
    say("starting the control tower")
    await _started(control, say)
    async with client_of(layout) as api:
        await _tokens(api, installation, layout)
        data = plan.data_tower(installation, layout)
        say("starting the data tower")
        await _started(data, say)
        await _nodes_ready(api, installation, layout, say)
    return installation


def _count(installation: Installation) -> str:
    count = installation.hollow_count or len(installation.nodes)
    return f"{count} node{'s' if count != 1 else ''}"


def _refuse_changes(wishes: Wishes, installation: Installation) -> None:
    have = {
        "nodes": installation.hollow_count or len(installation.nodes),
        "zones": len({node.zone for node in installation.nodes}),
        "runtime": installation.runtime,
        "port": installation.api_port,
        "offline_grace": installation.offline_grace,
    }
    for name, value in have.items():
        wish = getattr(wishes, name)
        if wish not in (None, value) and not (name == "port" and wish == 0):
            raise BringUpError(
                f"this installation has --{name.replace('_', '-')} {value}, not {wish}. Leave the option out to "
                "start it as it is, or make another one with --data-dir."
            )


def client_of(layout: Layout) -> Client:
    """A client with the admin's identity."""
    return Client(kubeconfig.load(layout.admin_kubeconfig))


async def _started(tower: supervisor.Tower, say: Say) -> None:
    keeper = supervisor.start(tower)
    for process in tower.processes:
        await _ready(tower, process.name, keeper, say)


async def _ready(tower: supervisor.Tower, name: str, keeper: processes.Identity, say: Say) -> dict[str, Any]:
    """Waits for one process, following the supervisor's restarts. Raises BringUpError with its last words."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_SECONDS
    deaths, last = 0, None
    while loop.time() < deadline:
        known = supervisor.read_state(tower.state_file)
        identity = known.get(name)
        line = processes.ready_line(tower.out(name)) if identity is not None and identity.alive else None
        if line is not None:
            say(f"  {name} is ready")
            return line
        if identity is not None and not identity.alive and identity != last:
            deaths, last = deaths + 1, identity
        if deaths >= 3 or not keeper.alive:
            break
        await asyncio.sleep(0.05)
    raise BringUpError(
        f"{name} does not come up. Its last words ({tower.log(name)}):\n"
        + processes.last_words(tower.log(name), lines=8)
    )


async def _tokens(api: Client, installation: Installation, layout: Layout) -> None:
    """A bootstrap token for each node that has not joined yet, in a file only it reads."""
    hollow = bool(installation.hollow_count)
    for name in ["hollow"] if hollow else [node.name for node in installation.nodes]:
        path = plan.token_file(layout, name)
        if not _needs_token(layout, name):
            continue
        secret, token = bootstrap_token(f"first start of {name}", reusable=hollow)
        try:
            await api.create(builtins.SECRETS, secret)
        except errors.StatusError as error:
            raise BringUpError(f"the API server refused a bootstrap token: {error.message}") from error
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(token + "\n")


def _needs_token(layout: Layout, name: str) -> bool:
    """Whether the node cannot get in with what it has: no certificate and no token yet, or an expired certificate."""
    try:
        held = node_identities.load(layout.node(name))
    except identity_faults.IdentityError:
        return True
    if held is not None:
        return held.expired(SystemClock())
    return not plan.token_file(layout, name).exists()


def bootstrap_token(description: str, *, reusable: bool = False) -> tuple[Object, str]:
    """A Secret of type bootstrap.kubernetes.io/token for kube-system, and the token ``id.secret`` it stands for."""
    alphabet = string.ascii_lowercase + string.digits
    identity, secret = ("".join(secrets.choice(alphabet) for _ in range(length)) for length in (6, 16))
    manifest: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"bootstrap-token-{identity}",
            "namespace": "kube-system",
            "annotations": {"bascule.dev/single-use": "false" if reusable else "true"},
        },
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": identity,
            "token-secret": secret,
            "description": description,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
        },
    }
    return manifest, f"{identity}.{secret}"


async def _raised(layout: Layout, installation: Installation) -> bool:
    try:
        return bool((await bridge.ask(layout, installation))["raised"])
    except (errors.StatusError, faults.Unreachable, KeyError):
        return False


async def _nodes_ready(api: Client, installation: Installation, layout: Layout, say: Say) -> None:
    wanted = installation.hollow_count or len(installation.nodes)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_SECONDS + installation.hollow_count * HOLLOW_SECONDS
    ready, tell_at = 0, loop.time() + TELL_SECONDS
    while loop.time() < deadline:
        listed = await api.list(builtins.NODES)
        ready = sum(conditions.is_true(node, "Ready") for node in listed["items"])
        if ready < wanted and await _raised(layout, installation):
            say("  the bridge is raised: nodes act on their ledgers. bascule bridge lower lets them in again")
            return
        if ready >= wanted:
            say(f"  {ready} of {wanted} nodes ready")
            return
        if loop.time() > tell_at:
            say(f"  {ready} of {wanted} nodes ready")
            tell_at += TELL_SECONDS
        await asyncio.sleep(0.1 if wanted < 100 else 1.0)
    raise BringUpError(
        f"{ready} of {wanted} nodes became ready. See the agents' logs under logs/, and bascule status for the bridge."
    )


async def down(data_dir: Path, say: Say) -> bool:
    """Stops both towers and the workloads, takes the host network away, keeps the data. False: nothing was there."""
    layout = Layout(data_dir)
    installation = layout.load()
    if installation is None:
        return False
    for tower in (plan.data_tower(installation, layout), plan.control_tower(installation, layout)):
        say(f"stopping the {tower.name} tower")
        known = supervisor.read_state(tower.state_file)
        keeper = known.pop("supervisor", None)
        if keeper is not None:
            await processes.stop(keeper, timeout_seconds=60.0)
        for identity in known.values():
            await processes.stop(identity)
        tower.state_file.unlink(missing_ok=True)
        if tower.name == plan.DATA:
            await _tear_down_workloads(installation, layout, say)
    if installation.link:
        hostnet.lower_links(installation, layout.tag)
    return True


async def _tear_down_workloads(installation: Installation, layout: Layout, say: Say) -> None:
    for node in () if installation.hollow_count else installation.nodes:
        name = f"agent-{node.name}"
        out, log = layout.run / f"{name}.tear-down.out", layout.logs / f"{name}.log"
        # A node whose namespace is gone may still have left mounts and processes.
        enter = plan.inside(node) if node.namespace in hostnet.namespaces() else ()
        identity = processes.spawn((*enter, *plan.agent(installation, layout, node), "--tear-down"), out=out, log=log)
        try:
            async with asyncio.timeout(TEAR_DOWN_SECONDS):
                await processes.wait_gone(identity)
        except TimeoutError:
            await processes.stop(identity)
            say(f"  the pods of {node.name} did not stop within {TEAR_DOWN_SECONDS:g} s; see {log}")
