"""Services and routes from a ledger: one enforcement serves all who waited, and a refusal reaches the caller."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bascule.data.network import routes, services
from bascule.data.network.contract import EngineError
from bascule.data.network.plan import Plan


class Desired:
    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def object(self) -> dict[str, Any]:
        return self._value


class Ledger:
    def __init__(self) -> None:
        self.held: dict[str, list[dict[str, Any]]] = {}

    def all(self, kind: str) -> list[Desired]:
        return [Desired(value) for value in self.held.get(kind, [])]


class Engine:
    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.gate = asyncio.Event()
        self.refuse = False

    async def enforce(self, plan: Plan) -> None:
        self.plans.append(plan)
        await self.gate.wait()
        if self.refuse:
            raise EngineError("no")

    async def run(self) -> None: ...

    async def remove(self) -> None: ...


SETTINGS = services.Settings("n1", "127.0.0.1", "10.96.0.0/16", routed=False)
WEB = {
    "metadata": {"namespace": "d", "name": "web"},
    "spec": {"clusterIP": "10.96.0.5", "ports": [{"port": 80}]},
}


async def test_many_syncs_at_once_cost_two_enforcements_and_the_last_sees_everything() -> None:
    ledger, engine = Ledger(), Engine()
    made = services.Services(ledger, engine, SETTINGS)
    first = asyncio.create_task(made.sync())
    await asyncio.sleep(0)
    ledger.held["services"] = [WEB]
    others = [asyncio.create_task(made.sync()) for _ in range(10)]
    await asyncio.sleep(0)
    engine.gate.set()
    await asyncio.gather(first, *others)
    assert len(engine.plans) == 2
    assert list(engine.plans[-1].targets) == ["root/d/web:80"]


async def test_a_refusal_reaches_the_caller_and_the_next_sync_tries_again() -> None:
    ledger, engine = Ledger(), Engine()
    engine.gate.set()
    engine.refuse = True
    made = services.Services(ledger, engine, SETTINGS)
    with pytest.raises(EngineError):
        await made.sync()
    engine.refuse = False
    await made.sync()
    assert len(engine.plans) == 2


def test_routes_lead_to_other_nodes_pods_and_skip_what_is_malformed() -> None:
    def node(name: str, cidr: Any, address: Any) -> dict[str, Any]:
        addresses = [{"type": "InternalIP", "address": address}]
        return {"metadata": {"name": name}, "spec": {"podCIDR": cidr}, "status": {"addresses": addresses}}

    nodes = [
        node("n1", "10.244.1.0/24", "10.88.0.11"),
        node("n2", "10.244.2.0/24", "10.88.0.12"),
        node("n3", None, "10.88.0.13"),
        node("n4", "10.244.4.0/24", None),
        node("n5", "garbage", "10.88.0.15"),
        node("n6", "10.244.6.0/24", "127.0.0.1"),
    ]
    assert routes.compile(nodes, own_name="n1") == {"10.244.2.0/24": "10.88.0.12"}
