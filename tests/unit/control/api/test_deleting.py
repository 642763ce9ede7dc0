"""Deletion: at once, with grace, with finalizers, of namespaces, of collections."""

from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
BIND = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}


async def test_delete_at_once_answers_a_status(api: harness.Api) -> None:
    made = await api.create(MAPS, harness.config_map("a"))
    answer = await api.call("DELETE", f"{MAPS}/a")
    assert answer.code == 200
    assert answer.body["status"] == "Success"
    assert answer.body["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    gone = await api.get(f"{MAPS}/a")
    assert (gone.code, gone.body["message"]) == (404, 'configmaps "a" not found')


async def test_preconditions(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "another"}}
    answer = await api.call("DELETE", f"{MAPS}/a", options)
    assert answer.code == 409
    assert "the UID in the precondition (another) does not match the UID in record" in answer.body["message"]


async def test_finalizers_keep_an_object_until_they_are_gone(api: harness.Api) -> None:
    wanted = harness.config_map("a")
    wanted["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(MAPS, wanted)
    answer = await api.call("DELETE", f"{MAPS}/a")
    assert answer.body["metadata"]["deletionTimestamp"]
    assert answer.body["metadata"]["deletionGracePeriodSeconds"] == 0
    again = await api.call("DELETE", f"{MAPS}/a")
    assert again.body["metadata"]["resourceVersion"] == answer.body["metadata"]["resourceVersion"]
    released = await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": None}})
    assert released.code == 200
    assert (await api.get(f"{MAPS}/a")).code == 404


async def test_propagation_policies_become_finalizers(api: harness.Api) -> None:
    for policy, finalizer in (("Orphan", "orphan"), ("Foreground", "foregroundDeletion")):
        await api.create(MAPS, harness.config_map(policy.lower()))
        answer = await api.call("DELETE", f"{MAPS}/{policy.lower()}?propagationPolicy={policy}")
        assert answer.body["metadata"]["finalizers"] == [finalizer]
    both = await api.call("DELETE", f"{MAPS}/orphan?propagationPolicy=Orphan&orphanDependents=true")
    assert both.code == 422


async def test_a_pod_without_a_node_goes_at_once_and_one_on_a_node_gets_its_grace(api: harness.Api) -> None:
    await api.create(PODS, harness.pod("q"))
    answer = await api.call("DELETE", f"{PODS}/q")
    assert answer.body["metadata"]["name"] == "q"
    assert (await api.get(f"{PODS}/q")).code == 404
    await api.create(PODS, harness.pod("p"))
    await api.create(f"{PODS}/p/binding", BIND)
    marked = (await api.call("DELETE", f"{PODS}/p")).body["metadata"]
    assert marked["deletionGracePeriodSeconds"] == 30
    assert marked["generation"] == 2
    shorter = (await api.call("DELETE", f"{PODS}/p?gracePeriodSeconds=5")).body["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < marked["deletionTimestamp"]
    longer = (await api.call("DELETE", f"{PODS}/p?gracePeriodSeconds=60")).body["metadata"]
    assert longer["deletionTimestamp"] == shorter["deletionTimestamp"]
    assert (await api.call("DELETE", f"{PODS}/p?gracePeriodSeconds=0")).code == 200
    assert (await api.get(f"{PODS}/p")).code == 404


async def test_a_namespace_terminates_until_it_is_finalized(api: harness.Api) -> None:
    path = "/api/v1/namespaces"
    await api.create(path, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    marked = (await api.call("DELETE", f"{path}/n")).body
    assert marked["status"]["phase"] == "Terminating"
    assert marked["spec"]["finalizers"] == ["kubernetes"]
    refused = await api.call("POST", f"{path}/n/configmaps", harness.config_map("a"))
    assert refused.code == 403
    assert "because it is being terminated" in refused.body["message"]
    marked["metadata"]["labels"] |= {"swept": "yes"}
    marked["spec"]["finalizers"] = ["example.com/slow"]
    answer = await api.call("PUT", f"{path}/n/finalize", marked)
    assert (answer.code, answer.body["metadata"]["labels"]["swept"]) == (200, "yes")
    del marked["spec"]["finalizers"]
    marked["metadata"].pop("resourceVersion")
    assert (await api.call("PUT", f"{path}/n/finalize", marked)).code == 200
    assert (await api.get(f"{path}/n")).code == 404


async def test_deletecollection_honours_selectors(api: harness.Api) -> None:
    for name in ("a", "b", "c"):
        wanted = harness.config_map(name)
        wanted["metadata"]["labels"] = {"keep": str(name == "b").lower()}
        await api.create(MAPS, wanted)
    answer = await api.call("DELETE", f"{MAPS}?labelSelector=keep=false")
    assert [item["metadata"]["name"] for item in answer.body["items"]] == ["a", "c"]
    left = (await api.get(MAPS)).body["items"]
    assert [item["metadata"]["name"] for item in left] == ["b"]


async def test_dry_run_deletes_nothing(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    assert (await api.call("DELETE", f"{MAPS}/a?dryRun=All")).code == 200
    assert (await api.get(f"{MAPS}/a")).code == 200


async def test_options_in_protobuf_as_typed_clients_send_them(api: harness.Api) -> None:
    wanted = harness.config_map("a")
    wanted["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(MAPS, wanted)
    kind = b"\x0a\x02v1\x12\x0dDeleteOptions"
    foreground = b"\x22\x0aForeground"
    body = b"k8s\x00\x0a" + bytes([len(kind)]) + kind + b"\x12" + bytes([len(foreground)]) + foreground
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    answer = await api.call("DELETE", f"{MAPS}/a", body, headers=headers)
    assert answer.code == 200, answer
    assert answer.body["metadata"]["finalizers"] == ["example.com/hold", "foregroundDeletion"]
