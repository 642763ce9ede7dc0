"""Custom resources through the API: from a definition's creation to its end."""

from __future__ import annotations

from tests.unit.control.api import crds, harness

PATH = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"


async def test_a_definition_is_served_from_when_it_is_established_until_it_is_gone(api: harness.Api) -> None:
    assert (await api.get(PATH)).code == 404
    crd = await crds.serve(api, crds.definition())
    assert crd["status"]["acceptedNames"] == {
        "plural": "crontabs",
        "singular": "crontab",
        "kind": "CronTab",
        "listKind": "CronTabList",
    }
    assert crd["status"]["storedVersions"] == ["v1"]
    assert crds.condition(crd, "NamesAccepted")["reason"] == "NoConflicts"
    assert crds.condition(crd, "Established")["reason"] == "InitialNamesAccepted"
    assert (await api.get(PATH)).body["items"] == []
    made = await api.create(PATH, crds.custom("one", spec={"image": "a", "unknown": 1}))
    assert made["spec"] == {"image": "a"}
    assert made["metadata"]["generation"] == 1
    listed = (await api.get(PATH)).body
    assert (listed["kind"], [item["metadata"]["name"] for item in listed["items"]]) == ("CronTabList", ["one"])
    assert (await api.call("DELETE", f"{crds.CRDS}/crontabs.{crds.GROUP}")).code == 200
    await crds.gone(api, f"{crds.CRDS}/crontabs.{crds.GROUP}")
    assert (await api.get(PATH)).code == 404
    await crds.serve(api, crds.definition())
    assert (await api.get(PATH)).body["items"] == []
