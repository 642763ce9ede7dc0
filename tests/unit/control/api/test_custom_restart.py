"""Custom resources on a server that starts anew: served at once, watches go on, and nothing of two clusters mixes."""

from __future__ import annotations

from pathlib import Path

from bascule.control.store.sqlite import store
from tests.unit.control.api import crds, harness

PATH = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"


async def test_custom_resources_are_served_right_after_a_start_and_watches_go_on(tmp_path: Path) -> None:
    async with harness.running(await store.open_store(tmp_path / "state.db")) as api:
        await crds.serve(api, crds.definition())
        await crds.serve(api, crds.definition("CronTab", scope="Cluster"), "blue")
        await api.create(PATH, crds.custom("a", spec={"image": "x"}))
        await api.create(f"/clusters/blue/apis/{crds.GROUP}/v1/crontabs", crds.custom("b"))
        listed = (await api.get(PATH)).body["metadata"]["resourceVersion"]
        await api.patch(f"{PATH}/a", {"spec": {"image": "y"}})
    async with harness.running(await store.open_store(tmp_path / "state.db")) as api:
        assert (await api.get(f"{PATH}/a")).body["spec"] == {"image": "y"}
        assert [item["metadata"]["name"] for item in (await api.get(PATH)).body["items"]] == ["a"]
        await api.create(PATH, crds.custom("c"))
        events = await api.watch(f"{PATH}?watch=1&resourceVersion={listed}", 2)
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
            ("MODIFIED", "a"),
            ("ADDED", "c"),
        ]
        there = (await api.get(f"/clusters/blue/apis/{crds.GROUP}/v1/crontabs")).body["items"]
        assert [item["metadata"]["name"] for item in there] == ["b"]
        assert crds.GROUP in str((await api.get("/apis")).body)
