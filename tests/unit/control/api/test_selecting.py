"""Field selectors: every kind by each of its fields, and by nothing else; selectors without end."""

import copy

import pytest

from bascule.control.api import selection
from bascule.control.cache import record
from bascule.vocabulary import builtins, objects, resources
from tests.unit.control.api import harness
from tests.unit.control.kinds import samples

STORED = [row for row in builtins.REGISTRY if row.is_stored and row.stored_as is None]


def _collection(row: resources.Resource) -> str:
    return row.path("default" if row.namespaced else "")


async def test_every_kind_is_selected_by_each_of_its_fields_and_no_other(api: harness.Api) -> None:
    seen = 0
    for row in STORED:
        endpoint = api.platform.endpoint_of(row)
        if endpoint.conversion is not None:
            continue
        obj = copy.deepcopy(samples.VALID.get((row.group, row.plural), {}))
        meta = {"name": "a", "uid": f"u-{row.plural}"} | ({"namespace": "default"} if row.namespaced else {})
        obj |= {"apiVersion": row.api_version, "kind": row.kind, "metadata": meta}
        endpoint.strategy.default(obj)
        values = endpoint.strategy.selectable_fields(obj)
        await endpoint.records.create(objects.key(obj), record.draft(obj, values))
        own = {"metadata.name": "a", "metadata.namespace": meta.get("namespace", "")}
        for field, value in (own | values).items():
            if field.startswith("@"):
                continue  # Kept beside the object for the server itself.
            chosen = (await api.get(f"{_collection(row)}?fieldSelector={field}={value}")).body
            assert "a" in [item["metadata"]["name"] for item in chosen["items"]], (row, field, value)
            others = (await api.get(f"{_collection(row)}?fieldSelector={field}!={value}")).body
            assert "a" not in [item["metadata"]["name"] for item in others["items"]], (row, field, value)
            seen += 1
        for query in ("fieldSelector=spec.nonsense=1", "watch=1&fieldSelector=spec.nonsense=1"):
            answer = await api.get(f"{_collection(row)}?{query}")
            of_all_kinds = '"spec.nonsense" is not a known field selector: only "metadata.name", "metadata.namespace"'
            assert answer.code == 400, row
            assert answer.body["message"] in ("field label not supported: spec.nonsense", of_all_kinds), row
        answer = await api.call("DELETE", f"{_collection(row)}?fieldSelector=spec.nonsense=1")
        assert answer.code in (400, 405), row
    assert seen > 2 * len(STORED) * 0.9


@pytest.mark.parametrize(
    ("collection", "field"),
    [
        ("/api/v1/pods", "spec.nodeName"),
        ("/api/v1/pods", "status.phase"),
        ("/api/v1/pods", "spec.serviceAccountName"),
        ("/api/v1/events", "involvedObject.uid"),
        ("/api/v1/events", "reason"),
        ("/api/v1/secrets", "type"),
        ("/api/v1/nodes", "spec.unschedulable"),
        ("/api/v1/namespaces", "status.phase"),
        ("/api/v1/replicationcontrollers", "status.replicas"),
        ("/apis/batch/v1/jobs", "status.successful"),
        ("/apis/certificates.k8s.io/v1/certificatesigningrequests", "spec.signerName"),
    ],
)
async def test_fields_that_clients_know(api: harness.Api, collection: str, field: str) -> None:
    assert (await api.get(f"{collection}?fieldSelector={field}=x")).code == 200


async def test_selectors_have_an_end(api: harness.Api) -> None:
    absent = ",".join(f"!a{number}" for number in range(selection.TERMS_MAX + 1))
    answer = await api.get(f"/api/v1/pods?labelSelector={absent}")
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    values = ",".join(f"v{number}" for number in range(4000))
    assert (await api.get(f"/api/v1/pods?labelSelector=a in ({values})")).code == 200
