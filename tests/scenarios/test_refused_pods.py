"""Pods that a quota refuses, on real processes: whoever wants them says so, keeps its status, and goes on later."""

import pytest

from bascule.vocabulary import builtins, objects, resources
from tests.scenarios import towers

pytestmark = [pytest.mark.scenario, pytest.mark.slow]
client, data, space = towers.client, towers.data, towers.space
LABELS = {"app": "refused"}
POD = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "c", "image": "registry.example/c:1"}]},
}
ONCE = {"template": {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}}
SELECTED = {"selector": {"matchLabels": LABELS}, "template": POD}
WANTING: list[tuple[resources.Resource, objects.Object, str]] = [
    (builtins.REPLICA_SETS, {"replicas": 1, **SELECTED}, "Error creating: "),
    (builtins.JOBS, ONCE, "Error creating: "),
    (builtins.STATEFUL_SETS, {"replicas": 1, "serviceName": "s", **SELECTED}, "create Pod refused-0 in StatefulSet "),
]


@pytest.mark.parametrize(("resource", "spec", "said"), WANTING, ids=lambda value: getattr(value, "plural", None))
async def test_refused(client, space, resource, spec, said):
    quota = {"metadata": {"name": "none", "namespace": space}, "spec": {"hard": {"pods": "0"}}}
    await client.create(builtins.RESOURCE_QUOTAS, quota)
    await client.create(resource, {"metadata": {"name": "refused", "namespace": space}, "spec": spec})

    async def told() -> bool:
        events = (await client.list(builtins.EVENTS, namespace=space))["items"]
        return any(
            event["reason"] == "FailedCreate"
            and event["message"].startswith(said)
            and "exceeded quota: none" in event["message"]
            and event["involvedObject"]["kind"] == resource.kind
            and event["source"]["component"] == f"{resource.singular}-controller"
            for event in events
        )

    async def counted() -> bool:
        return bool((await client.get(resource, "refused", namespace=space)).get("status"))

    async def made() -> bool:
        return len((await client.list(builtins.PODS, namespace=space))["items"]) == 1

    await towers.until(told, "FailedCreate")
    await towers.until(counted, "a status in spite of the refusal")
    await client.delete(builtins.RESOURCE_QUOTAS, "none", namespace=space)
    # A change of the object is an occasion to try again before its pause is over.
    await client.patch(resource, "refused", {"metadata": {"labels": {"room": "made"}}}, namespace=space)
    await towers.until(made, "the pod")
