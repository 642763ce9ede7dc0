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


async def test_discovery_says_what_is_served_in_the_order_of_versions(api: harness.Api) -> None:
    beta = crds.version("v1beta1", storage=False)
    both = crds.version(
        "v2",
        subresources={
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
        storage=False,
    )
    crd = crds.definition("CronTab", beta, crds.version("v1"), both)
    crd["spec"]["names"] |= {"shortNames": ["ct"], "categories": ["all"]}
    await crds.serve(api, crd)
    group = (await api.get(f"/apis/{crds.GROUP}")).body
    assert [version["version"] for version in group["versions"]] == ["v2", "v1", "v1beta1"]
    assert group["preferredVersion"]["version"] == "v2"
    assert crds.GROUP in [one["name"] for one in (await api.get("/apis")).body["groups"]]
    rows = (await api.get(f"/apis/{crds.GROUP}/v2")).body["resources"]
    assert [row["name"] for row in rows] == ["crontabs", "crontabs/status", "crontabs/scale"]
    assert (rows[0]["shortNames"], rows[0]["categories"], rows[0]["singularName"]) == (["ct"], ["all"], "crontab")
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    items = (await api.get("/apis", headers=accept)).body["items"]
    (own,) = [item for item in items if item["metadata"]["name"] == crds.GROUP]
    assert [version["version"] for version in own["versions"]] == ["v2", "v1", "v1beta1"]
    assert (await api.get("/clusters/blue/apis")).body["groups"] != (await api.get("/apis")).body["groups"]
    await api.call("DELETE", f"{crds.CRDS}/crontabs.{crds.GROUP}")
    await crds.gone(api, f"{crds.CRDS}/crontabs.{crds.GROUP}")
    assert (await api.get(f"/apis/{crds.GROUP}")).code == 404
