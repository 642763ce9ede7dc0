"""A pod of high priority and a full node, on real processes: the least important pod goes, and its room is kept."""

import contextlib

import pytest

from bascule.client import api, kubeconfig
from bascule.vocabulary import builtins, conditions, errors, objects
from tests.scenarios import towers

pytestmark = [pytest.mark.scenario, pytest.mark.slow]
CAPACITY = {"cpu": "2", "memory": "1Gi", "pods": "10"}


@pytest.fixture
async def client(tmp_path):
    server = ["--data-dir", str(tmp_path), "--port", "0", "--store", "memory"]
    identity = str(tmp_path / "identities" / "scheduler.kubeconfig")
    with contextlib.ExitStack() as stack:
        stack.enter_context(towers.Process("bascule.control.api", *server, log=tmp_path / "api.log"))
        options = ["--kubeconfig", identity]
        stack.enter_context(towers.Process("bascule.control.scheduler", *options, log=tmp_path / "scheduler.log"))
        async with api.Client(kubeconfig.load(tmp_path / "admin.kubeconfig")) as made:
            yield made


async def made(client, name: str, priority: str) -> None:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}
    spec = {"containers": [container], "priorityClassName": priority, "tolerations": [{"operator": "Exists"}]}
    await client.create(builtins.PODS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


async def got(client, name: str) -> objects.Object:
    return await client.get(builtins.PODS, name, namespace="default")


async def test_the_least_important_goes(client):
    node = {"metadata": {"name": "n"}, "status": {"capacity": CAPACITY, "allocatable": CAPACITY}}
    await client.create(builtins.NODES, node)
    for name, value in (("low", 1), ("middle", 5), ("high", 9)):
        await client.create(builtins.PRIORITY_CLASSES, {"metadata": {"name": name}, "value": value})

    async def bound(name: str) -> bool:
        return bool((await got(client, name))["spec"].get("nodeName"))

    for name in ("low", "middle"):
        await made(client, name, name)
        await towers.until(lambda name=name: bound(name), f"{name} to be bound")
    await made(client, "high", "high")

    async def ending() -> objects.Object | None:
        pod = await got(client, "low")
        return pod if objects.deletion_timestamp(pod) else None

    async def nominated() -> bool:
        return ((await got(client, "high")).get("status") or {}).get("nominatedNodeName") == "n"

    victim = await towers.until(ending, "the victim's end")
    told = conditions.find(victim["status"]["conditions"], "DisruptionTarget")
    assert (told["status"], told["reason"]) == ("True", "PreemptionByScheduler")
    await towers.until(nominated, "the node that the pod waits for")
    await made(client, "late", "low")  # what becomes free is not for whoever comes next
    await client.delete(builtins.PODS, "low", namespace="default", grace_seconds=0)
    await towers.until(lambda: bound("high"), "high to be bound")
    assert not await bound("late")
    assert not objects.deletion_timestamp(await got(client, "middle"))
    with contextlib.suppress(errors.StatusError):
        await client.delete(builtins.PODS, "late", namespace="default")
