"""Replacing a pod by the file it was made from: what admission added stays."""

from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"


async def test_a_pod_is_replaced_by_its_own_file(api: harness.Api) -> None:
    made = await api.create(PODS, harness.pod("p"))
    given = harness.pod("p")
    given["metadata"]["labels"] = {"more": "labels"}
    answer = await api.call("PUT", f"{PODS}/p", given)
    assert answer.code == 200, answer.body
    assert answer.body["metadata"]["labels"] == {"more": "labels"}
    assert answer.body["spec"] == made["spec"]


async def test_a_pod_that_loses_nothing_gains_nothing(api: harness.Api) -> None:
    made = await api.create(PODS, harness.pod("p"))
    made["metadata"]["labels"] = {"a": "b"}
    answer = await api.call("PUT", f"{PODS}/p", made)
    assert answer.code == 200, answer.body
    assert answer.body["spec"] == made["spec"]
