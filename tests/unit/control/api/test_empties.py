"""What charts leave empty: built-in objects are stored without it, and applying it again is no write."""

from __future__ import annotations

from typing import Any

from tests.unit.control.api import crds, harness

PODS = "/api/v1/namespaces/default/pods"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"

Object = dict[str, Any]


def pod() -> Object:
    container: Object = {
        "name": "c",
        "image": "i:1",
        "env": [],
        "ports": [],
        "resources": {"limits": {}},
        "securityContext": {},
    }
    spec: Object = {
        "containers": [container],
        "volumes": [],
        "imagePullSecrets": [],
        "nodeSelector": {},
        "tolerations": [],
        "affinity": {},
        "hostNetwork": False,
        "priorityClassName": "",
        "automountServiceAccountToken": False,
    }
    meta: Object = {"name": "p", "labels": {}, "annotations": None, "creationTimestamp": None, "finalizers": []}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


async def test_empties_of_a_pod_are_not_stored(api: harness.Api) -> None:
    stored = await api.create(PODS, pod())
    assert not {"labels", "annotations", "finalizers"} & stored["metadata"].keys()
    spec = stored["spec"]
    assert not {"volumes", "imagePullSecrets", "nodeSelector", "hostNetwork", "priorityClassName"} & spec.keys()
    assert spec["affinity"] == {}
    assert spec["automountServiceAccountToken"] is False
    assert not {"env", "ports"} & spec["containers"][0].keys()


async def test_empties_applied_again_are_no_write(api: harness.Api) -> None:
    first = await api.patch(f"{PODS}/p?fieldManager=me", pod(), kind="apply")
    again = await api.patch(f"{PODS}/p?fieldManager=me", pod(), kind="apply")
    assert (first.code, again.code) == (201, 200)
    assert again.body == first.body
    assert again.body["metadata"]["generation"] == 1


async def test_who_owns_nothing_is_not_written_down(api: harness.Api) -> None:
    hook: Object = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    hook |= {"metadata": {"name": "h"}, "webhooks": []}
    first = await api.patch(f"{HOOKS}/h?fieldManager=me", hook, kind="apply")
    again = await api.patch(f"{HOOKS}/h?fieldManager=me", hook, kind="apply")
    assert not {"webhooks", "managedFields"} & (first.body.keys() | first.body["metadata"].keys())
    assert again.body == first.body


async def test_an_empty_member_patched_in_is_no_write(api: harness.Api) -> None:
    config_map = await api.create("/api/v1/namespaces/default/configmaps", harness.config_map("c"))
    patched = await api.patch("/api/v1/namespaces/default/configmaps/c", {"data": {}, "binaryData": {}})
    assert patched.body == config_map


async def test_a_custom_resource_keeps_its_own_empties_but_not_those_of_its_metadata(api: harness.Api) -> None:
    shown = {"env": {"type": "array", "items": {"type": "string"}}, "host": {"type": "boolean"}}
    await crds.serve(api, crds.definition("CronTab", crds.version(properties=shown)))
    sent = crds.custom("w", spec={"env": [], "host": False})
    sent["metadata"] |= {"labels": {}, "finalizers": [], "ownerReferences": None}
    stored = await api.create(f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs", sent)
    assert not {"labels", "finalizers", "ownerReferences"} & stored["metadata"].keys()
    assert stored["spec"] == sent["spec"]


async def test_nulls_of_undescribed_content_are_applied_as_they_are(api: harness.Api) -> None:
    """A chart's values say by a null that a default shall go."""
    shown = {"values": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    await crds.serve(api, crds.definition("CronTab", crds.version(properties=shown)))
    sent = crds.custom(
        "w", spec={"values": {"gone": None, "list": [{"a": None}, None], "deep": {"gone": None, "a": 1}}}
    )
    path = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs/w?fieldManager=me"
    first = await api.patch(path, sent, kind="apply")
    assert first.body["spec"] == sent["spec"]
    again = await api.patch(path, sent, kind="apply")
    assert again.body == first.body
    sent["spec"]["values"]["deep"] = {"gone": 2, "a": None}
    changed = await api.patch(path, sent, kind="apply")
    assert changed.body["spec"]["values"]["deep"] == {"gone": 2, "a": None}
