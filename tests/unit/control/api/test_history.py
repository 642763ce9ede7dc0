"""Watches under concurrent writers while history is forgotten: what a client pieces together is the truth."""

import asyncio
import random

import orjson
import pytest

from bascule.control.store import memory
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
NAMES = 6
WRITES = 60
WRITERS = 4


async def _write(api: harness.Api, source: random.Random) -> None:
    """Creates, changes and deletes at random; losing a race is fine."""
    for count in range(WRITES):
        name = f"n{source.randrange(NAMES)}"
        action = source.choice(("create", "patch", "patch", "delete"))
        if action == "create":
            answer = await api.call("POST", MAPS, harness.config_map(name, at=str(count)))
        elif action == "patch":
            answer = await api.patch(f"{MAPS}/{name}", {"data": {"at": f"{count}-{source.random()}"}})
        else:
            answer = await api.call("DELETE", f"{MAPS}/{name}")
        assert answer.code in (200, 201, 404, 409), answer


class Follower:
    """A client that lists once, then watches, is cut off again and again, and resumes from the last version it saw."""

    def __init__(self, api: harness.Api) -> None:
        self._api = api
        self.state: dict[str, harness.Object] = {}
        self.version = 0
        self.seen: list[int] = []
        self.relists = 0

    async def list(self) -> None:
        answer = (await self._api.get(MAPS)).body
        self.state = {item["metadata"]["name"]: item for item in answer["items"]}
        self.version = int(answer["metadata"]["resourceVersion"])
        self.relists += 1

    async def follow(self, until: asyncio.Event, source: random.Random) -> None:
        await self.list()
        while not (until.is_set() and self.version >= self._api.platform.cache.revision):
            await self._watch(source.randrange(3, 12))

    async def _watch(self, count: int) -> None:
        query = f"watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={self.version}"
        headers = {"Authorization": "Bearer admin"}
        async with self._api.session.get(f"{self._api.url}{MAPS}?{query}", headers=headers) as answer:
            assert answer.status == 200
            for _ in range(count):
                if not (line := await answer.content.readline()):
                    return
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    assert event["object"]["code"] == 410, event
                    await self.list()
                    return
                self._take(event)
                if self.version >= self._api.platform.cache.revision:
                    return

    def _take(self, event: harness.Object) -> None:
        meta = event["object"]["metadata"]
        version = int(meta["resourceVersion"])
        if event["type"] == "BOOKMARK":
            assert version >= self.version
            self.version = version
            return
        assert version > self.version, "out of order, or twice"
        known = meta["name"] in self.state
        assert known == (event["type"] != "ADDED"), event
        if event["type"] == "DELETED":
            del self.state[meta["name"]]
        else:
            self.state[meta["name"]] = event["object"]
        self.version = version
        self.seen.append(version)


@pytest.mark.slow
async def test_what_followers_piece_together_is_what_there_is(api: harness.Api) -> None:
    source = random.Random(11)
    done = asyncio.Event()
    followers = [Follower(api) for _ in range(3)]
    following = [asyncio.create_task(each.follow(done, random.Random(n))) for n, each in enumerate(followers)]
    for _ in range(2):
        await asyncio.gather(*(_write(api, random.Random(source.random())) for _ in range(WRITERS)))
        await api.platform.store.compact(api.platform.store.revision)
    done.set()
    await asyncio.wait_for(asyncio.gather(*following), 20)
    truth = {item["metadata"]["name"]: item for item in (await api.get(MAPS)).body["items"]}
    for follower in followers:
        assert follower.state == truth
        assert follower.seen == sorted(set(follower.seen))
        assert len(follower.seen) > 20


async def test_a_version_that_is_forgotten_is_said_in_the_stream() -> None:
    async with harness.running(memory.MemoryStore(revision=100)) as api:
        events = await api.watch(f"{MAPS}?watch=true&resourceVersion=1", 1)
    assert events[0]["type"] == "ERROR"
    assert (events[0]["object"]["code"], events[0]["object"]["reason"]) == (410, "Expired")
    assert events[0]["object"]["message"].startswith("too old resource version: 1 (")


async def test_a_list_whose_history_is_forgotten_goes_on_with_what_is_current() -> None:
    async with harness.running(memory.MemoryStore()) as api:
        for number in range(10):
            await api.create(MAPS, harness.config_map(f"n{number}"))
        first = (await api.get(f"{MAPS}?limit=3")).body["metadata"]
        await api.create(MAPS, harness.config_map("n3a"))
        await api.platform.store.compact(api.platform.store.revision)
        refused = await api.get(f"{MAPS}?limit=3&continue={first['continue']}")
        assert (refused.code, refused.body["reason"]) == (410, "Expired")
        token, seen, versions = refused.body["metadata"]["continue"], ["n0", "n1", "n2"], set()
        while token:
            page = (await api.get(f"{MAPS}?limit=3&continue={token}")).body
            seen += [item["metadata"]["name"] for item in page["items"]]
            versions.add(page["metadata"]["resourceVersion"])
            assert page["metadata"].get("remainingItemCount", 0) == 11 - len(seen)
            token = page["metadata"].get("continue")
        assert seen == sorted([*(f"n{number}" for number in range(10)), "n3a"])
        assert len(versions) == 1
        assert versions != {first["resourceVersion"]}
