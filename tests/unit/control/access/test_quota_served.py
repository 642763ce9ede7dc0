"""ResourceQuota over the API: many clients at once write, and no state that ever was exceeds what is allowed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import pytest

from bascule.control.access.admission import quota_usage
from bascule.control.store import contract, memory
from tests import waiting
from tests.unit.control.api import crds, harness

NS = "/api/v1/namespaces/default"
CUSTOM = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
HARD = {
    "pods": "6",
    "requests.cpu": "3",
    "limits.cpu": "4",
    "count/configmaps": "5",
    f"count/crontabs.{crds.GROUP}": "3",
}
LONG = {"scopes": ["NotTerminating"], "hard": {"pods": "4"}}


def quota(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec}


def pod(name: str, milli: int, *, deadline: bool = False) -> dict[str, Any]:
    amounts = {"cpu": f"{milli}m"}
    container = {"name": "c", "image": "i", "resources": {"requests": amounts, "limits": amounts}}
    spec = {"containers": [container], **({"activeDeadlineSeconds": 60} if deadline else {})}
    return {**harness.pod(name), "spec": spec}


class HesitantStore(memory.MemoryStore):
    """Commits after a while, as a disk does: many writes are admitted and not yet seen."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)

    async def commit(self, operations: Sequence[contract.Operation]) -> int:
        for _ in range(self._chance.randrange(6)):
            await asyncio.sleep(0)
        return await super().commit(operations)


async def _act(api: harness.Api, chance: random.Random) -> tuple[str, int, str]:
    """One random write, as some client makes it: what it was, the answer's code and message."""
    name, milli = f"n{chance.randrange(12)}", chance.choice((100, 400, 900))
    dry = "?dryRun=All" if chance.random() < 0.2 else ""
    amounts = {"requests": {"cpu": f"{milli}m"}, "limits": {"cpu": f"{milli}m"}}
    resized = {"spec": {"containers": [{"name": "c", "resources": amounts}]}}
    acts: dict[str, Callable[[], Awaitable[harness.Answer]]] = {
        "create": lambda: api.call("POST", f"{NS}/pods{dry}", pod(name, milli, deadline=chance.random() < 0.3)),
        "resize": lambda: api.patch(f"{NS}/pods/{name}/resize{dry}", resized, "strategic"),
        "end": lambda: api.patch(f"{NS}/pods/{name}/status", {"status": {"phase": "Succeeded"}}),
        "delete": lambda: api.call("DELETE", f"{NS}/pods/{name}?gracePeriodSeconds=0"),
        "map": lambda: api.call("POST", f"{NS}/configmaps{dry}", harness.config_map(name)),
        "apply": lambda: api.patch(
            f"{NS}/configmaps/{name}?fieldManager=m", harness.config_map(name, a=str(milli)), "apply"
        ),
        "custom": lambda: api.call("POST", f"{CUSTOM}{dry}", crds.custom(name)),
        "uncustom": lambda: api.call("DELETE", f"{CUSTOM}/{name}"),
    }
    weights = {"create": 6, "resize": 4, "end": 1, "delete": 2, "map": 3, "apply": 2, "custom": 4, "uncustom": 1}
    act = chance.choices(list(weights), list(weights.values()))[0]
    answer = await acts[act]()
    return act, answer.code, answer.body.get("message", "")


async def _states(api: harness.Api, path: str, since: str) -> list[dict[str, dict[str, Any]]]:
    """Every state of the collection since a version, one for each event."""
    states: list[dict[str, dict[str, Any]]] = [{}]
    query = f"?watch=true&resourceVersion={since}&timeoutSeconds=1"
    async with api.session.get(api.url + path + query, headers={"Authorization": "Bearer admin"}) as answer:
        async for line in answer.content:
            event = orjson.loads(line)
            named = {**states[-1], event["object"]["metadata"]["name"]: event["object"]}
            if event["type"] == "DELETED":
                del named[event["object"]["metadata"]["name"]]
            states.append(named)
    return states


def _within(document: dict[str, Any], group: str, plural: str, held: dict[str, dict[str, Any]]) -> None:
    total: dict[str, int] = {}
    for obj in held.values():
        if quota_usage.in_scope(document, group, plural, obj):
            for name, amount in quota_usage.of(group, plural, obj).items():
                total[name] = total.get(name, 0) + amount
    for name, allowed in document["spec"]["hard"].items():
        assert total.get(name, 0) <= quota_usage.amount(allowed), (name, sorted(held))


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_state_exceeds_what_is_allowed(seed: int) -> None:
    async with harness.running(HesitantStore(seed)) as api:
        await _write_and_check(api, seed)


async def _write_and_check(api: harness.Api, seed: int) -> None:
    await crds.serve(api, crds.definition())
    quotas = [quota("all", hard=HARD), quota("long", **LONG)]
    for document in quotas:
        await api.create(f"{NS}/resourcequotas", document)
    since = (await api.get(f"{NS}/pods")).body["metadata"]["resourceVersion"]
    chance = random.Random(seed)
    done: list[tuple[str, int, str]] = []
    for _ in range(12):
        done += await asyncio.gather(*(_act(api, chance) for _ in range(25)))
    for act in ("create", "resize", "custom"):
        answers = {code for name, code, _ in done if name == act}
        assert answers & {200, 201}, (act, answers)
    refused = [message for _, code, message in done if code == 403]
    assert any("exceeded quota: all, requested: " in message for message in refused)
    assert not [code for _, code, _ in done if code >= 500]
    watched = {("", "pods"): f"{NS}/pods", ("", "configmaps"): f"{NS}/configmaps", (crds.GROUP, "crontabs"): CUSTOM}
    histories = await asyncio.gather(*(_states(api, path, since) for path in watched.values()))
    for (group, plural), states in zip(watched, histories, strict=True):
        assert len(states) > 3, plural
        for held in states:
            for document in quotas:
                _within(document, group, plural, held)


async def test_a_dry_run_is_refused_too_and_takes_nothing(api: harness.Api) -> None:
    await api.create(f"{NS}/resourcequotas", quota("q", hard={"count/configmaps": "1"}))
    assert (await api.call("POST", f"{NS}/configmaps?dryRun=All", harness.config_map("a"))).code == 201
    await api.create(f"{NS}/configmaps", harness.config_map("a"))
    answer = await api.call("POST", f"{NS}/configmaps?dryRun=All", harness.config_map("b"))
    assert answer.body["message"] == (
        'configmaps "b" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, '
        "limited: count/configmaps=1"
    )


async def test_custom_resources_are_counted_in_their_own_cluster(api: harness.Api) -> None:
    counted = quota("q", hard={f"count/crontabs.{crds.GROUP}": "1"})
    for prefix in ("", "/clusters/team-a"):
        await crds.serve(api, crds.definition(), prefix.removeprefix("/clusters/"))
        await api.create(f"{prefix}{NS}/resourcequotas", counted)
        await api.create(prefix + CUSTOM, crds.custom("one"))
        answer = await api.call("POST", prefix + CUSTOM, crds.custom("two"))
        assert answer.code == 403
        assert answer.body["message"] == (
            f'crontabs.{crds.GROUP} "two" is forbidden: exceeded quota: q, requested: count/crontabs.{crds.GROUP}=1, '
            f"used: count/crontabs.{crds.GROUP}=1, limited: count/crontabs.{crds.GROUP}=1"
        )


async def test_a_kind_that_comes_again_is_counted_again(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    await api.create(f"{NS}/resourcequotas", quota("q", hard={f"count/crontabs.{crds.GROUP}": "1"}))
    await api.create(CUSTOM, crds.custom("one"))
    path = f"{crds.CRDS}/crontabs.{crds.GROUP}"
    await api.call("DELETE", path)

    async def gone() -> bool:
        return (await api.get(path)).code == 404

    await waiting.until(gone, timeout_seconds=5, what="the definition gone")
    await crds.serve(api, crds.definition())
    await api.create(CUSTOM, crds.custom("two"))
    assert (await api.call("POST", CUSTOM, crds.custom("three"))).code == 403


async def test_what_a_limit_range_gives_counts_for_the_quality_of_service(api: harness.Api) -> None:
    limit = {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}}
    ranges = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "lr"}, "spec": {"limits": [limit]}}
    await api.create("/api/v1/namespaces/default/limitranges", ranges)
    pods = "/api/v1/namespaces/default/pods"
    assert (await api.create(pods, harness.pod("small")))["status"]["qosClass"] == "Burstable"
    big = harness.pod("big")
    big["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "2"}}
    refused = await api.call("POST", pods, big)
    wanted = 'pods "big" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    assert (refused.code, refused.body["message"]) == (403, wanted)
