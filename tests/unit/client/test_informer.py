import asyncio
import random

import pytest

from bascule.client import informer as informers
from bascule.vocabulary import builtins, clock, errors, objects
from tests.unit.client.fake_server import Script, json, serving, stream


def config_map(name: str, version: int, uid: str = "", **data: str) -> objects.Object:
    metadata = {"name": name, "namespace": "n", "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": metadata, "data": data}


def bookmark(version: int, *, initial: bool = False) -> dict:
    annotations = {informers.INITIAL_EVENTS_END: "true"} if initial else {}
    meta = {"resourceVersion": str(version), "annotations": annotations}
    return {"type": "BOOKMARK", "object": {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta}}


def event(type_: str, obj: objects.Object) -> dict:
    return {"type": type_, "object": obj}


def listing(version: int, *items: objects.Object) -> dict:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


REFUSED = json(errors.invalid("ListOptions", "", "", []).status(), 422)
GONE = stream({"type": "ERROR", "object": errors.expired("too old").status()})


class Following:
    """Runs an informer and records its changes."""

    def __init__(self, client, **options) -> None:
        self.clock = clock.ManualClock()
        self.informer = informers.Informer(
            client, builtins.CONFIG_MAPS, clock=self.clock, source=random.Random(1), **options
        )
        self.changes: list[tuple] = []
        self._arrived = asyncio.Condition()
        self.informer.on_change(self._record)

    def _record(self, type_, old, new) -> None:
        version = objects.resource_version(new or old)
        self.changes.append((type_, objects.name(new or old), version))

    async def __aenter__(self):
        self.task = asyncio.create_task(self.informer.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task

    async def until(self, condition) -> None:
        async with asyncio.timeout(5):
            while not condition():
                if self.clock.sleepers:
                    await self.clock.advance(30)
                await asyncio.sleep(0.001)


async def test_streams_initial_events_then_follows():
    hold = asyncio.Event()
    script = Script(
        stream(
            event("ADDED", config_map("a", 1)),
            bookmark(5, initial=True),
            event("MODIFIED", config_map("a", 6)),
            event("DELETED", config_map("a", 7)),
            hold=hold,
        )
    )
    async with serving(script) as client, Following(client) as following:
        await following.until(lambda: len(following.changes) == 3)
        assert following.changes == [("ADDED", "a", 1), ("MODIFIED", "a", 6), ("DELETED", "a", 7)]
        assert following.informer.synced
        assert following.informer.connected
        assert following.informer.staleness_seconds == 0
        assert following.informer.resource_version == "7"
        assert script.requests[0].query["sendInitialEvents"] == "true"
        hold.set()


async def test_lists_where_streaming_is_refused_and_resumes_without_listing_again():
    hold = asyncio.Event()
    script = Script(
        REFUSED,
        json(listing(5, config_map("a", 1))),
        stream(bookmark(9)),
        stream(event("ADDED", config_map("b", 10)), hold=hold),
    )
    async with serving(script) as client, Following(client) as following:
        await following.until(lambda: len(following.changes) == 2)
        versions = [request.query.get("resourceVersion") for request in script.requests]
        assert versions == [None, None, "5", "9"]
        assert set(following.informer.store) == {("root", "n", "a"), ("root", "n", "b")}
        hold.set()


async def test_expiry_lists_again_and_reports_what_is_gone():
    hold = asyncio.Event()
    script = Script(
        REFUSED,
        json(listing(5, config_map("a", 1), config_map("b", 2), config_map("c", 3))),
        GONE,
        json(listing(50, config_map("b", 40), config_map("c", 3), config_map("d", 50))),
        stream(hold=hold),
    )
    async with serving(script) as client, Following(client) as following:
        await following.until(lambda: len(following.changes) == 6)
        assert following.changes[3:] == [("DELETED", "a", 1), ("MODIFIED", "b", 40), ("ADDED", "d", 50)]
        hold.set()


async def test_keeps_the_last_known_good_copy_while_the_server_fails():
    script = Script(REFUSED, json(listing(5, config_map("a", 1))), GONE, json("oops", 500))
    async with serving(script) as client, Following(client) as following:
        await following.until(lambda: len(script.requests) >= 6)
        assert [objects.name(obj) for obj in following.informer.store.values()] == ["a"]
        assert not following.informer.connected
        assert following.informer.staleness_seconds > 0


async def test_the_same_name_with_another_uid_is_deleted_and_added():
    hold = asyncio.Event()
    script = Script(
        stream(
            event("ADDED", config_map("a", 1, "u1")),
            bookmark(5, initial=True),
            event("MODIFIED", config_map("a", 6, "u2")),
            hold=hold,
        )
    )
    async with serving(script) as client, Following(client) as following:
        await following.until(lambda: len(following.changes) == 3)
        assert following.changes[1:] == [("DELETED", "a", 1), ("ADDED", "a", 6)]
        hold.set()


async def test_indices_follow_changes():
    hold = asyncio.Event()
    script = Script(
        stream(
            event("ADDED", config_map("a", 1, colour="red")),
            bookmark(5, initial=True),
            event("MODIFIED", config_map("a", 6, colour="blue")),
            hold=hold,
        )
    )
    async with serving(script) as client, Following(client) as following:
        following.informer.add_index("colour", lambda obj: [obj["data"]["colour"]])
        await following.until(lambda: len(following.changes) == 2)
        assert following.informer.by_index("colour", "red") == []
        assert [objects.name(obj) for obj in following.informer.by_index("colour", "blue")] == ["a"]
        hold.set()


async def test_a_failing_callback_stops_nobody():
    hold = asyncio.Event()
    script = Script(stream(event("ADDED", config_map("a", 1)), bookmark(5, initial=True), hold=hold))
    async with serving(script) as client:
        following = Following(client)
        following.informer._callbacks.insert(0, lambda *_: 1 / 0)
        async with following:
            await following.until(lambda: following.changes)
            hold.set()


async def test_a_late_callback_hears_of_what_is_there():
    hold = asyncio.Event()
    script = Script(stream(event("ADDED", config_map("a", 1)), bookmark(5, initial=True), hold=hold))
    async with serving(script) as client, Following(client) as following:
        await following.informer.wait_synced()
        late: list[str] = []
        following.informer.on_change(lambda type_, old, new: late.append(type_))
        assert late == ["ADDED"]
        hold.set()


async def test_managed_fields_are_not_kept():
    hold = asyncio.Event()
    obj = config_map("a", 1)
    obj["metadata"]["managedFields"] = [{"manager": "x"}]
    script = Script(stream(event("ADDED", obj), bookmark(5, initial=True), hold=hold))
    async with serving(script) as client, Following(client) as following:
        await following.informer.wait_synced()
        kept = following.informer.store[objects.Key("root", "n", "a")]
        assert "managedFields" not in kept["metadata"]
        assert kept["kind"] == "ConfigMap"
        hold.set()


async def test_a_broken_watch_resumes_where_it_was_without_listing():
    hold = asyncio.Event()

    async def cut(request):
        response = await stream(event("ADDED", config_map("a", 6)))(request)
        request.transport.abort()
        return response

    script = Script(
        REFUSED,
        json(listing(5)),
        cut,
        stream(event("ADDED", config_map("b", 7)), hold=hold),
    )
    async with serving(script) as client, Following(client) as following:
        await following.until(lambda: len(following.changes) == 2)
        assert [request.query.get("resourceVersion") for request in script.requests[2:]] == ["5", "6"]
        hold.set()
