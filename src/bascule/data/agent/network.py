"""What the agent needs of the network: an address and names for a pod before it starts.

`LoopbackNetwork` serves pods that are plain processes or hollow: addresses from a range, kept in the
ledger so that they survive a restart. With `containerd`, CNI gives the address and `attach` leaves it empty.
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Protocol

from bascule.data.agent.pods import model
from bascule.data.runtime import contract
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

ADDRESS = "address/"


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """`ip` is "" where the runtime finds it out; `dns` None means the machine's own."""

    ip: str = ""
    netns: str | None = None
    dns: contract.Dns | None = None


class Network(Protocol):
    async def attach(self, pod: Object) -> PodNetwork:
        """Idempotent: the same pod gets the same answer until it is detached."""
        ...

    async def detach(self, pod_uid: str) -> None: ...

    async def sync(self) -> None:
        """Bring what the ledger now says of services and endpoints in force. Raises EngineError."""
        ...

    def observe(self, pod_uid: str, address: str, *, ready: bool, ending: bool = False) -> None:
        """What the node itself sees of a pod; told at every look, cheap when nothing changed."""
        ...

    async def run(self) -> None:
        """Keep it in force; until cancelled."""
        ...


class Notes(Protocol):
    """The ledger's memory."""

    def remember(self, key: str, value: bytes) -> None: ...
    def forget(self, key: str) -> None: ...
    def memories(self, prefix: str = "") -> dict[str, bytes]: ...


@dataclass(frozen=True, slots=True)
class Names:
    """How pods on this node look names up."""

    servers: tuple[str, ...] = ()
    domain: str = "cluster.local"


class NamesOnly:
    """No addresses of its own: what CNI gives is what a pod has."""

    def __init__(self, host_ip: str, names: Names) -> None:
        self.host_ip = host_ip
        self.names = names

    async def attach(self, pod: Object) -> PodNetwork:
        ip = self.host_ip if model.spec(pod).get("hostNetwork") else ""
        return PodNetwork(ip=ip, dns=dns(pod, self.names))

    async def detach(self, pod_uid: str) -> None:
        return None

    async def sync(self) -> None:
        return None

    def observe(self, pod_uid: str, address: str, *, ready: bool, ending: bool = False) -> None:
        return None

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()


class LoopbackNetwork(NamesOnly):
    def __init__(self, host_ip: str, names: Names, cidr: str, notes: Notes) -> None:
        super().__init__(host_ip, names)
        self._range = ipaddress.ip_network(cidr)
        self._notes = notes
        self._given = {key.removeprefix(ADDRESS): value.decode() for key, value in notes.memories(ADDRESS).items()}
        self._used = set(self._given.values())
        self._next = 0

    async def attach(self, pod: Object) -> PodNetwork:
        base = await super().attach(pod)
        return PodNetwork(ip=base.ip or self._address(objects.uid(pod)), dns=base.dns)

    def _address(self, uid: str) -> str:
        if uid in self._given:
            return self._given[uid]
        size = self._range.num_addresses
        for _ in range(size):
            self._next = self._next % (size - 2) + 1 if size > 2 else 0
            ip = str(self._range[self._next])
            if ip not in self._used:
                self._notes.remember(ADDRESS + uid, ip.encode())
                self._given[uid] = ip
                self._used.add(ip)
                return ip
        raise contract.RuntimeFault("NetworkNotReady", f"all {size} addresses of {self._range} are in use")

    async def detach(self, pod_uid: str) -> None:
        ip = self._given.pop(pod_uid, None)
        if ip is not None:
            self._used.discard(ip)
            self._notes.forget(ADDRESS + pod_uid)


def dns(pod: Object, names: Names) -> contract.Dns | None:
    """The pod's resolver as dnsPolicy and dnsConfig say; None for the machine's own."""
    spec = model.spec(pod)
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    extra = spec.get("dnsConfig") or {}
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    cluster = policy in ("ClusterFirst", "ClusterFirstWithHostNet") and names.servers
    if not cluster and policy != "None" and not extra:
        return None
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    if cluster:
        servers += names.servers
        base = names.domain
        searches += [f"{objects.namespace(pod)}.svc.{base}", f"svc.{base}", base]
        options.append("ndots:5")
    for option in extra.get("options") or ():
        name, value = option["name"], option.get("value")
        options = [item for item in options if item.partition(":")[0] != name]
        options.append(f"{name}:{value}" if value is not None else name)
    servers += [item for item in extra.get("nameservers") or () if item not in servers]
    searches += [item for item in extra.get("searches") or () if item not in searches]
    return contract.Dns(tuple(servers), tuple(searches), tuple(options))
