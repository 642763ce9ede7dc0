"""What a restored store lacks is not taken from the nodes; what is known is kept while the API is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bascule.bridge import messages
from bascule.control.bridgehead import gate, regression, world
from bascule.control.bridgehead.relevance import Item
from bascule.vocabulary import clock as clocks
from tests import waiting
from tests.unit.control.bridgehead import fakes

SERVICE = Item("services", "root/ns/s")


def service(version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": "s", "namespace": "ns", "uid": "u", "resourceVersion": version}}


@asynccontextmanager
async def following(known: world.World) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(known._follow_store())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_removal_waits_until_the_store_is_known_to_be_the_same() -> None:
    client = fakes.Client()
    known = world.World(client, clocks.SystemClock())  # type: ignore[arg-type]
    changes: list[world.Change] = []
    known.on_change(changes.append)
    async with following(known):
        await waiting.until(lambda: known.store)
        known._take("services", None, service())
        assert changes == [world.Change(SERVICE, None, urgent=False)]
        client.away = True
        known._take("services", service(), None)
        assert not known.may_remove(SERVICE)
        client.away = False
        await waiting.until(lambda: known.may_remove(SERVICE))
        assert changes[-1] == world.Change(SERVICE, None, urgent=True)


async def test_another_epoch_ends_the_reign_before_anything_is_removed() -> None:
    client = fakes.Client()
    known = world.World(client, clocks.SystemClock())  # type: ignore[arg-type]
    async with following(known) as task:
        await waiting.until(lambda: known.store)
        client.store["epoch"] = 2
        known._take("services", service(), None)
        await asyncio.wait_for(task, 5)
        assert not known.may_remove(SERVICE)
        assert known.store == world.StoreIdentity("here", 1)


async def test_a_report_coming_back_is_not_announced() -> None:
    known = world.World(fakes.Client(), clocks.SystemClock())  # type: ignore[arg-type]
    changes: list[world.Change] = []

    def pod(version: str, phase: str) -> dict[str, Any]:
        metadata = {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": version}
        return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": phase}}

    first, second = pod("1", "Pending"), pod("2", "Running")
    known.informers["pods"]._collection.put(first)
    known._take("pods", None, first)
    view = world.NodeView(known, "n1")
    assert view.get("pods", "root/ns/p") is not None
    assert world.NodeView(known, "n2").get("pods", "root/ns/p") is None
    known.on_change(changes.append)
    known.informers["pods"]._collection.put(second)
    known._take("pods", first, second)
    assert changes == []


def test_a_raised_bridge_stays_raised_over_restarts(tmp_path: Path) -> None:
    bridge = gate.Gate(tmp_path)
    assert not bridge.raised
    bridge.raise_()
    assert gate.Gate(tmp_path).raised
    gate.Gate(tmp_path).lower()
    assert not gate.Gate(tmp_path).raised


async def test_routes_are_made_of_nodes_that_have_pods_addresses() -> None:
    client = fakes.Client()
    known = world.World(client, clocks.SystemClock())  # type: ignore[arg-type]
    changes: list[world.Change] = []
    known.on_change(changes.append)

    def node(name: str, cidr: str, address: str = "10.0.0.1", version: str = "1") -> dict[str, Any]:
        return {
            "metadata": {"name": name, "resourceVersion": version},
            "spec": {"podCIDR": cidr} if cidr else {},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }

    async with following(known):
        await waiting.until(lambda: known.store)
        hollow, real = node("h", ""), node("n1", "10.244.1.0/24")
        known._take("nodes", None, hollow)
        known._take("nodes", None, real)
        view = world.NodeView(known, "n2")
        assert list(view.names("routes")) == ["root//n1"]
        route = view.get("routes", "root//n1")
        assert route is not None
        assert route.object() == {
            "metadata": {"name": "n1"},
            "spec": {"podCIDRs": ["10.244.1.0/24"]},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
        }
        routes = [change for change in changes if change.item.kind == "routes"]
        assert routes == [world.Change(Item("routes", "root//n1"), None, urgent=False)]
        known._take("nodes", real, node("n1", "10.244.1.0/24", version="2"))
        assert len([change for change in changes if change.item.kind == "routes"]) == 1, "a status is no news of a way"
        known._take("nodes", real, node("n1", "10.244.1.0/24", "10.0.0.9", version="3"))
        assert (view.get("routes", "root//n1") or route).version != route.version
        client.away = True
        known._take("nodes", real, None)
        assert not view.may_remove("routes", "root//n1")
        client.away = False
        await waiting.until(lambda: view.may_remove("routes", "root//n1"))
        assert list(view.names("routes")) == []


async def test_a_store_that_went_back_removes_nothing_until_a_new_epoch(tmp_path: Path) -> None:
    client = fakes.Client()
    client.store["revision"] = 40
    known = world.World(client, clocks.SystemClock(), regression.Regression(tmp_path))  # type: ignore[arg-type]
    async with following(known):
        await waiting.until(lambda: known.store)
        await known.look_back(messages.Position("here", 1, 39))
        assert known.may_remove(SERVICE), "a view that lags is no loss"
        await known.look_back(messages.Position("here", 1, 50))
        assert not known.may_remove(SERVICE)
    client.store["revision"] = 60  # it has caught up, and what it forgot is forgotten still
    again = world.World(client, clocks.SystemClock(), regression.Regression(tmp_path))  # type: ignore[arg-type]
    async with following(again):
        await waiting.until(lambda: again.store)
        assert not again.may_remove(SERVICE)
    client.store["epoch"] = 2
    restored = world.World(client, clocks.SystemClock(), regression.Regression(tmp_path))  # type: ignore[arg-type]
    async with following(restored):
        await waiting.until(lambda: restored.store)
        assert restored.may_remove(SERVICE)
