"""Rules, patterns, schemas and defaults that users write to cost much: who sends them waits, and nobody else."""

import asyncio
import time
from typing import Any

import pytest

from bascule.control.access import user
from bascule.control.api import slow
from bascule.control.custom import effort, patterns
from bascule.vocabulary import errors
from tests import waiting
from tests.unit.control.api import crds, harness, test_turns

JANE, ADMIN = user.User("jane", ()), user.User("admin", (user.MASTERS,))
OBJECTS = f"/apis/{crds.GROUP}/v1/namespaces/default"
CUBE = "self.all(a, self.all(b, a == b || a != b))"
"""Squared, for two hundred items some hundred thousand units."""


def _texts(**more: Any) -> dict[str, Any]:
    return {"type": "array", "maxItems": 150, "items": {"type": "string", "maxLength": 30}, **more}


def _costly(count: int) -> list[dict[str, str]]:
    return [{"rule": CUBE, "message": f"m{number}"} for number in range(count)]


ITEMS = [f"a-text-of-some-length-{number}" for number in range(150)]


async def test_costly_rules_take_no_turn(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await crds.serve(api, crds.definition("Costly", crds.version("v1", {"l": _texts(**_rules(_costly(3)))})))
    with test_turns.turns(monkeypatch) as taken:
        for name in ("first", "second"):
            await api.create(f"{OBJECTS}/costlys", crds.custom(name, "Costly", spec={"l": ITEMS}))
        answer = await api.patch(f"{OBJECTS}/costlys/first", {"spec": {"l": ITEMS[1:]}})
        assert answer.code == 200
    assert not [turn for turn in taken if turn[0] > test_turns.LONGEST_SECONDS]


def _rules(found: list[dict[str, str]]) -> dict[str, Any]:
    return {"x-kubernetes-validations": found}


async def test_costly_definitions_take_no_turn(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {f"a{n}": {"type": "integer", **_rules([{"rule": f"self != {n}"}])} for n in range(600)}
    defaults = {f"l{n}": _texts(default=ITEMS, **_rules(_costly(1))) for n in range(2)}
    long = {"a": {"type": "integer", **_rules([{"rule": "||".join(f"self=={n}" for n in range(2_000))}])}}
    large = {"a": {"type": "string", **_rules([{"rule": f'self.matches("({"a" * n}){{900}}")'} for n in range(1, 20)])}}
    for kind, properties in {"Whole": whole, "Defaults": defaults, "Long": long, "Large": large}.items():
        with test_turns.turns(monkeypatch) as taken:
            answer = await api.call("POST", crds.CRDS, crds.definition(kind, crds.version("v1", properties)))
        assert answer.code in (201, 422), answer
        assert not [turn for turn in taken if turn[0] > test_turns.LONGEST_SECONDS], kind


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("(a{1000}){1000}", 422),
        ("((((a{30}){30}){30}){30})", 422),
        ("[a-z]{1000}" * 1000, 422),
        ("(?i)" + "[^a]{999}" * 60, 422),
        ("a" * 100_000, 201),
        ("(x+x+)+y", 201),
        ("[a-z]{900}" * 20, 201),
    ],
    ids=["repeated", "nested", "long", "unicode", "long text", "backtracking", "large"],
)
async def test_patterns(api: harness.Api, monkeypatch: pytest.MonkeyPatch, pattern: str, code: int) -> None:
    definition = crds.definition("Matched", crds.version("v1", {"a": {"type": "string", "pattern": pattern}}))
    with test_turns.turns(monkeypatch) as taken:
        assert (await api.call("POST", crds.CRDS, definition)).code == code
        if code == 201:
            await crds.until(api, f"{crds.CRDS}/matcheds.{crds.GROUP}", "Established", "True")
            started = time.thread_time()
            for text in ("x" * 60_000, "xé" * 400_000):
                obj = crds.custom("a", "Matched", spec={"a": text})
                assert (await api.call("POST", f"{OBJECTS}/matcheds", obj)).code == 422 or pattern.startswith("[")
            assert time.thread_time() - started < 5
    assert not [turn for turn in taken if turn[0] > test_turns.LONGEST_SECONDS]


async def test_defaults_do_not_amplify(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"k{n}": {"type": "string", "default": "x" * 100} for n in range(200)}
    large = {"a": {"type": "string", "default": "x" * 500_000}}
    for kind, members in {"Many": many, "Large": large}.items():
        items = {"type": "array", "items": {"type": "object", "properties": members}}
        await crds.serve(api, crds.definition(kind, crds.version("v1", {"l": items})))
        with test_turns.turns(monkeypatch) as taken:
            obj = crds.custom("a", kind, spec={"l": [{}] * 15_000})
            answer = await api.call("POST", f"{OBJECTS}/{kind.lower()}s", obj)
        assert answer.code == 413, answer
        assert not [turn for turn in taken if turn[0] > test_turns.LONGEST_SECONDS], kind
        await api.create(f"{OBJECTS}/{kind.lower()}s", crds.custom("b", kind, spec={"l": [{}]}))


def test_what_takes_too_long_ends() -> None:
    pattern = "[a-z]{900}" * 20
    with effort.within(effort.MOMENT), pytest.raises(effort.TooLongError):
        patterns.matcher(pattern)("x" * 60_000)
    with effort.within(10) as mine:
        effort.spend(10)
        mine.end()
        with pytest.raises(effort.TooLongError):
            effort.spend(0)
    effort.spend(1 << 60)
    assert effort.left() is None


async def test_few_run_at_once_and_one_of_each_user() -> None:
    held = slow.Slow()
    running: list[str] = []
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(name: str) -> str:
        running.append(name)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)
        return name

    tasks = [asyncio.create_task(held.run(JANE, work, f"jane-{n}")) for n in range(slow.WAITING_MAX)]
    await waiting.until(lambda: running == ["jane-0"], timeout_seconds=5, what="the first")
    with pytest.raises(errors.StatusError) as refused:
        await held.run(JANE, work, "jane-more")
    assert refused.value.code == 429
    others = [asyncio.create_task(held.run(who, work, who.name)) for who in (ADMIN, user.User("joe", ()))]
    await waiting.until(lambda: set(running) == {"jane-0", "admin", "joe"}, timeout_seconds=5, what="the others")
    gate.set()
    assert await asyncio.gather(*tasks, *others) == [*(f"jane-{n}" for n in range(slow.WAITING_MAX)), "admin", "joe"]
    held.close()


async def test_others_are_answered_meanwhile(api: harness.Api) -> None:
    """Two users' costly objects are judged, and a third's small requests do not wait for that."""
    await crds.serve(api, crds.definition("Costly", crds.version("v1", {"l": _texts(**_rules(_costly(4)))})))
    obj = crds.custom("", "Costly", spec={"l": ITEMS})
    obj["metadata"] = {"generateName": "c-"}
    busy = [asyncio.create_task(api.call("POST", f"{OBJECTS}/costlys", obj)) for _ in range(3)]
    taken = []
    while not all(task.done() for task in busy):
        started = time.monotonic()
        assert (await api.get("/api/v1/namespaces/default")).code == 200
        taken.append(time.monotonic() - started)
    assert {(await task).code for task in busy} == {201}
    assert len(taken) > 20
    assert sorted(taken)[len(taken) // 2] < 0.1
