"""Patches through the API: apply's owners over verbs, versions and subresources; what is no write; refusals' words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"

Object = dict[str, Any]


def entries(obj: Object) -> dict[tuple[str, str, str], Any]:
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", [])
    }


async def applied(api: harness.Api, path: str, obj: Object, who: str = "me", more: str = "") -> Object:
    answer = await api.patch(f"{path}?fieldManager={who}{more}", obj, kind="apply")
    assert answer.code in (200, 201), answer.body
    return answer.body


def deployment(**spec: Any) -> Object:
    template = {
        "metadata": {"creationTimestamp": None, "labels": {"app": "d"}},
        "spec": {"containers": [{"name": "c", "image": "i:1", "ports": [{"containerPort": 80}]}]},
    }
    whole = {"selector": {"matchLabels": {"app": "d"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": whole}


async def test_applying_what_is_there_is_no_write(api: harness.Api) -> None:
    first = await applied(api, f"{DEPLOYMENTS}/d", deployment(replicas=2))
    again = await applied(api, f"{DEPLOYMENTS}/d", deployment(replicas=2))
    assert again == first
    put = await api.call("PUT", f"{DEPLOYMENTS}/d?fieldManager=putter", again)
    assert put.body == first
    with_nulls = deployment(replicas=2)
    with_nulls["metadata"]["creationTimestamp"] = None
    with_nulls["status"] = {}
    assert await applied(api, f"{DEPLOYMENTS}/d", with_nulls) == first


async def test_an_agreeing_applier_becomes_a_second_owner(api: harness.Api) -> None:
    await applied(api, f"{MAPS}/c", harness.config_map("c", a="1", b="1"))
    both = await applied(api, f"{MAPS}/c", harness.config_map("c", a="1"), "you")
    assert set(entries(both)) == {("me", "Apply", ""), ("you", "Apply", "")}
    assert [(entry["manager"], "time" in entry) for entry in both["metadata"]["managedFields"]] == [
        ("you", False),  # Who agrees writes nothing.
        ("me", True),
    ]
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    gone = await applied(api, f"{MAPS}/c", bare, "me")
    assert gone["data"] == {"a": "1"}
    assert set(entries(gone)) == {("you", "Apply", "")}
    assert "data" not in await applied(api, f"{MAPS}/c", bare, "you")


async def test_a_field_that_an_updater_owns_too_stays_when_its_applier_drops_it(api: harness.Api) -> None:
    await api.create(f"{MAPS}?fieldManager=creator", harness.config_map("c", a="1", b="1"))
    await applied(api, f"{MAPS}/c", harness.config_map("c", a="1"))
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    after = await applied(api, f"{MAPS}/c", bare)
    assert after["data"] == {"a": "1", "b": "1"}
    assert set(entries(after)) == {("creator", "Update", "")}


@pytest.mark.parametrize("value", [[], [{}]])
async def test_owners_forgotten_stay_so_until_the_next_apply(api: harness.Api, value: Any) -> None:
    await applied(api, f"{MAPS}/c", harness.config_map("c", a="1"))
    answer = await api.patch(f"{MAPS}/c", {"metadata": {"managedFields": value}, "data": {"b": "2"}})
    assert "managedFields" not in answer.body["metadata"]
    answer = await api.patch(f"{MAPS}/c", {"data": {"b": "3"}})
    assert "managedFields" not in answer.body["metadata"]
    refused = await api.patch(f"{MAPS}/c?fieldManager=me", harness.config_map("c", a="2"), kind="apply")
    assert refused.code == 409
    assert (
        refused.body["message"] == 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a'
    )
    after = await applied(api, f"{MAPS}/c", harness.config_map("c", a="1"))
    assert set(entries(after)) == {("before-first-apply", "Update", ""), ("me", "Apply", "")}


async def test_a_create_by_apply_may_name_neither_uid_nor_version(api: harness.Api) -> None:
    obj = harness.config_map("c", a="1")
    obj["metadata"]["uid"] = "7"
    answer = await api.patch(f"{MAPS}/c?fieldManager=me", obj, kind="apply")
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    del obj["metadata"]["uid"]
    dry = await api.patch(f"{MAPS}/c?fieldManager=me&dryRun=All", obj, kind="apply")
    assert dry.code == 201
    assert (await api.get(f"{MAPS}/c")).code == 404
    made = await applied(api, f"{MAPS}/c", obj)
    obj["metadata"]["resourceVersion"] = "1"
    assert (await api.patch(f"{MAPS}/c?fieldManager=me", obj, kind="apply")).code == 409
    obj["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    obj["data"]["a"] = "2"
    assert (await applied(api, f"{MAPS}/c", obj))["data"] == {"a": "2"}


async def test_another_type_is_not_applied(api: harness.Api) -> None:
    for changed in ({"apiVersion": "v2"}, {"kind": "Secret"}):
        answer = await api.patch(f"{MAPS}/c?fieldManager=me", {**harness.config_map("c"), **changed}, kind="apply")
        assert answer.code == 400
        assert answer.body["message"].startswith("invalid object type: /v")
    obj = harness.config_map("c", a="1")
    obj["bogus"] = 1
    answer = await api.patch(f"{MAPS}/c?fieldManager=me", obj, kind="apply")
    assert answer.body["message"] == (
        "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .bogus: field not declared in schema"
    )


async def test_undeclared_and_repeated_things_are_named(api: harness.Api) -> None:
    obj = deployment(bogus=1)
    container = obj["spec"]["template"]["spec"]["containers"][0]
    container["nonsense"] = True
    answer = await api.patch(f"{DEPLOYMENTS}/d?fieldManager=me", obj, kind="apply")
    message = answer.body["message"]
    assert message.startswith("failed to create typed patch object (/d; apps/v1, Kind=Deployment): errors:\n")
    assert '  .spec.template.spec.containers[name="c"].nonsense: field not declared in schema' in message
    assert "  .spec.bogus: field not declared in schema" in message
    obj = deployment()
    obj["spec"]["template"]["spec"]["containers"] *= 2
    answer = await api.patch(f"{DEPLOYMENTS}/d?fieldManager=me", obj, kind="apply")
    assert '.spec.template.spec.containers: duplicate entries for key [name="c"]' in answer.body["message"]


async def test_replicas_through_the_scale_belong_to_who_scales(api: harness.Api) -> None:
    await applied(api, f"{DEPLOYMENTS}/d", deployment(replicas=2))
    scale: Object = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}}
    scale["spec"] = {"replicas": 5}
    refused = await api.patch(f"{DEPLOYMENTS}/d/scale?fieldManager=hpa", scale, kind="apply")
    assert refused.code == 409
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "me": .spec.replicas'
    assert (await applied(api, f"{DEPLOYMENTS}/d/scale", scale, "hpa", "&force=true"))["spec"] == {"replicas": 5}
    live = (await api.get(f"{DEPLOYMENTS}/d")).body
    owned = entries(live)
    assert owned["hpa", "Apply", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owned["me", "Apply", ""]["f:spec"]
    refused = await api.patch(f"{DEPLOYMENTS}/d?fieldManager=me", deployment(replicas=2), kind="apply")
    text = 'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale": .spec.replicas'
    assert refused.body["message"] == text
    await applied(api, f"{DEPLOYMENTS}/d", deployment())
    answer = await api.patch(f"{DEPLOYMENTS}/d/scale?fieldManager=hand", {"spec": {"replicas": 7}})
    assert answer.body["spec"] == {"replicas": 7}
    owned = entries((await api.get(f"{DEPLOYMENTS}/d")).body)
    assert owned["hand", "Update", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert ("hpa", "Apply", "scale") not in owned


async def test_replicas_that_nobody_owns_stay_so_when_they_are_scaled(api: harness.Api) -> None:
    await applied(api, f"{DEPLOYMENTS}/d", deployment())
    scale: Object = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}}
    for answer in (
        await api.patch(f"{DEPLOYMENTS}/d/scale?fieldManager=hand", {"spec": {"replicas": 7}}),
        await api.call("PUT", f"{DEPLOYMENTS}/d/scale?fieldManager=hand", {**scale, "spec": {"replicas": 3}}),
    ):
        assert answer.code == 200
    live = (await api.get(f"{DEPLOYMENTS}/d")).body
    assert (live["spec"]["replicas"], set(entries(live))) == (3, {("me", "Apply", "")})


async def test_who_scales_is_named_without_a_time(api: harness.Api) -> None:
    await api.create(f"{DEPLOYMENTS}?fieldManager=creator", deployment(replicas=2))
    await api.patch(f"{DEPLOYMENTS}/d/scale?fieldManager=hand", {"spec": {"replicas": 7}})
    live = (await api.get(f"{DEPLOYMENTS}/d")).body
    first, second = live["metadata"]["managedFields"]
    assert (first["manager"], first["apiVersion"], first.get("time")) == ("hand", "apps/v1", None)
    assert (second["manager"], "time" in second) == ("creator", True)
    assert "f:replicas" not in second["fieldsV1"]["f:spec"]
    again = await api.patch(f"{DEPLOYMENTS}/d/scale?fieldManager=other", {"spec": {"replicas": 7}})
    assert again.body["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]


def scaler(version: str, **spec: Any) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    whole = {"scaleTargetRef": target, "maxReplicas": 9, **spec}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": whole,
    }


async def test_what_was_owned_in_another_version_is_compared_there(api: harness.Api) -> None:
    await applied(api, f"{V1}/h", scaler("v1", targetCPUUtilizationPercentage=50), "old")
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}
    metric["resource"]["target"]["averageUtilization"] = 60  # type: ignore[index]
    refused = await api.patch(f"{V2}/h?fieldManager=new", scaler("v2", metrics=[metric]), kind="apply")
    assert refused.code == 409, refused.body
    assert '"old": .spec.targetCPUUtilizationPercentage' in refused.body["message"]
    metric["resource"]["target"]["averageUtilization"] = 50  # type: ignore[index]
    agreed = await applied(api, f"{V2}/h", scaler("v2", metrics=[metric]), "new")
    assert {entry["apiVersion"] for entry in agreed["metadata"]["managedFields"]} == {
        "autoscaling/v1",
        "autoscaling/v2",
    }
    # The same manager in the other version keeps one entry, and what it says no longer is pruned in the version it
    # was said in.
    moved = await applied(api, f"{V2}/h", scaler("v2", metrics=[metric], minReplicas=2), "old")
    assert [e["apiVersion"] for e in moved["metadata"]["managedFields"]] == ["autoscaling/v2"] * 2
    changed = await api.patch(f"{V1}/h?fieldManager=hand", {"spec": {"targetCPUUtilizationPercentage": 70}})
    owned = entries(changed.body)
    assert "f:metrics" not in owned["old", "Apply", ""]["f:spec"]


async def test_client_side_apply_becomes_server_side(api: harness.Api) -> None:
    stated = harness.config_map("c", a="<1>")
    text = orjson.dumps(stated).decode() + "\n"
    obj = {
        **stated,
        "metadata": {"name": "c", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": text}},
    }
    await api.create(f"{MAPS}?fieldManager=kubectl-client-side-apply", obj)
    foreign = await api.patch(f"{MAPS}/c?fieldManager=x", harness.config_map("c", a="2"), kind="apply")
    assert foreign.code == 409
    after = await applied(api, f"{MAPS}/c", harness.config_map("c", a="<2>"), "kubectl")
    assert after["data"] == {"a": "<2>"}
    kept = after["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    expected = '{"apiVersion":"v1","data":{"a":"\\u003c2\\u003e"},"kind":"ConfigMap","metadata":{"name":"c"}}\n'
    assert kept == expected
    # What somebody else changed since is theirs.
    await api.patch(f"{MAPS}/c?fieldManager=editor", {"data": {"a": "3"}})
    refused = await api.patch(f"{MAPS}/c?fieldManager=kubectl", harness.config_map("c", a="4"), kind="apply")
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a'


async def test_status_is_owned_through_its_own_path(api: harness.Api) -> None:
    obj = deployment()
    obj["status"] = {"replicas": 3}
    made = await applied(api, f"{DEPLOYMENTS}/d", obj)
    assert "f:status" not in entries(made)["me", "Apply", ""]
    condition = {"type": "Available", "status": "True", "reason": "r", "message": "m"}
    report = {**deployment(), "status": {"replicas": 3, "conditions": [condition]}}
    report["spec"]["replicas"] = 9
    after = await applied(api, f"{DEPLOYMENTS}/d/status", report, "reporter")
    assert after["spec"]["replicas"] == 1
    owned = entries(after)["reporter", "Apply", "status"]
    assert set(owned) == {"f:status"}
    assert set(owned["f:status"]["f:conditions"]['k:{"type":"Available"}']) == {
        ".", "f:type", "f:status", "f:reason", "f:message",
    }  # fmt: skip
    labelled = {"metadata": {"labels": {"l": "1"}, "finalizers": ["a/b"]}, "status": {"replicas": 4}}
    touched = await api.patch(f"{DEPLOYMENTS}/d/status?fieldManager=hand", labelled)
    assert "labels" not in touched.body["metadata"]
    assert entries(touched.body)["hand", "Update", "status"] == {"f:status": {"f:replicas": {}}}
    missing = await api.patch(f"{DEPLOYMENTS}/none/status?fieldManager=r", {**report, "metadata": {}}, kind="apply")
    assert missing.code == 404


def daemon_set(*ports: Object, **variables: list[str]) -> Object:
    env = [{"name": name, "value": value} for name, values in variables.items() for value in values]
    spec = {"containers": [{"name": "c", "image": "i:1", "ports": list(ports), "env": env}]}
    template = {"metadata": {"labels": {"app": "d"}}, "spec": spec}
    whole = {"selector": {"matchLabels": {"app": "d"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"}, "spec": whole}


async def test_items_of_one_key_live_together_until_one_is_applied(api: harness.Api) -> None:
    path = "/apis/apps/v1/namespaces/default/daemonsets"
    twice = [{"name": "a", "containerPort": 80}, {"name": "b", "containerPort": 80}]
    made = await api.create(f"{path}?fieldManager=creator", daemon_set(*twice, PATH=["/bin", "/sbin"], X=["1"]))
    (tree,) = entries(made).values()
    spec = tree["f:spec"]
    assert "." not in {*spec, *spec["f:template"], *spec["f:template"]["f:spec"], *spec["f:updateStrategy"]}
    assert "." in spec["f:updateStrategy"]["f:rollingUpdate"]
    containers = spec["f:template"]["f:spec"]["f:containers"]
    assert list(containers) == ['k:{"name":"c"}']
    container = containers['k:{"name":"c"}']
    assert container["f:env"]['k:{"name":"PATH"}'] == {}
    assert container["f:ports"] == {".": {}, 'k:{"containerPort":80,"protocol":"TCP"}': {}}
    beside = await applied(api, f"{path}/d", daemon_set({"containerPort": 443}, HOME=["/h"]))
    live = beside["spec"]["template"]["spec"]["containers"][0]
    assert ([v["name"] for v in live["env"]], len(live["ports"])) == (["PATH", "PATH", "X", "HOME"], 3)
    one = await applied(
        api, f"{path}/d", daemon_set({"containerPort": 80, "name": "w"}, PATH=["/"]), more="&force=true"
    )
    live = one["spec"]["template"]["spec"]["containers"][0]
    assert live["env"] == [{"name": "PATH", "value": "/"}, {"name": "X", "value": "1"}]
    assert live["ports"] == [{"containerPort": 80, "name": "w", "protocol": "TCP"}]


async def test_entries_given_one_name_are_one(api: harness.Api) -> None:
    await applied(api, f"{PODS}/p", harness.pod("p"), "one")
    label = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"b": "2"}}}
    both = await applied(api, f"{PODS}/p", label, "two")
    for entry in both["metadata"]["managedFields"]:
        entry["manager"] = "same"
    answer = await api.call("PUT", f"{PODS}/p", both)
    assert entries(answer.body) == {("same", "Apply", ""): {"f:metadata": {"f:labels": {"f:b": {}}}}}


async def test_owners_cannot_be_changed_through_a_subresource(api: harness.Api) -> None:
    made = await applied(api, f"{PODS}/p", harness.pod("p"))
    forged = {**made["metadata"]["managedFields"][0], "manager": "forged"}
    condition = {"type": "Mine", "status": "True"}
    patch = {"metadata": {"managedFields": [forged]}, "status": {"conditions": [condition]}}
    answer = await api.patch(f"{PODS}/p/status?fieldManager=reporter", patch)
    first, second = answer.body["metadata"]["managedFields"]
    assert first == made["metadata"]["managedFields"][0]
    assert (second["manager"], second["subresource"]) == ("reporter", "status")


@pytest.mark.parametrize("kind", ["json", "merge"])
async def test_owners_in_a_form_nobody_reads_change_nothing(api: harness.Api, kind: str) -> None:
    made = await applied(api, f"{MAPS}/c", harness.config_map("c", a="1"))
    bad = [{"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "", "fieldsV1": {}}]
    operation = {"op": "replace", "path": "/metadata/managedFields", "value": bad}
    patch = [operation] if kind == "json" else {"metadata": {"managedFields": bad}}
    answer = await api.patch(f"{MAPS}/c", patch, kind=kind)
    assert (answer.code, answer.body) == (200, made)


async def test_to_create_by_apply_takes_the_right_to_create(api: harness.Api) -> None:
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules}
    await api.create(f"{roles}/roles", role)
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "panda"}
    binding = {**role, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}
    del binding["rules"]
    await api.create(f"{roles}/rolebindings", binding)
    answer = await api.patch(f"{MAPS}/c?fieldManager=me", harness.config_map("c"), kind="apply", who="panda")
    assert (answer.code, answer.body["message"]) == (
        403,
        'configmaps "c" is forbidden: User "panda" cannot create resource "configmaps" in API group "" '
        'in the namespace "default"',
    )
