"""A server that starts anew on its store: clients go on where they were."""

from pathlib import Path

from bascule.control.store.sqlite import store
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_watch_goes_on_after_a_restart_without_listing_again(tmp_path: Path) -> None:
    async with harness.running(await store.open_store(tmp_path / "state.db")) as api:
        for name in "abc":
            await api.create(MAPS, harness.config_map(name))
        listed = (await api.get(MAPS)).body["metadata"]["resourceVersion"]
        await api.patch(f"{MAPS}/a", {"data": {"k": "2"}})
        await api.call("DELETE", f"{MAPS}/b")
        await api.create(MAPS, harness.config_map("d"))
        before = await api.watch(f"{MAPS}?watch=1&resourceVersion={listed}", 3)
    async with harness.running(await store.open_store(tmp_path / "state.db")) as api:
        await api.create(MAPS, harness.config_map("e"))
        after = await api.watch(f"{MAPS}?watch=1&resourceVersion={listed}", 4)
        assert after[:3] == before
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in after] == [
            ("MODIFIED", "a"),
            ("DELETED", "b"),
            ("ADDED", "d"),
            ("ADDED", "e"),
        ]
        old = await api.get(f"{MAPS}?resourceVersion={listed}&resourceVersionMatch=Exact")
        assert [obj["metadata"]["name"] for obj in old.body["items"]] == ["a", "b", "c"]
