"""The checker takes a right history and refuses every wrong one: each mutation breaks one promise."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.history import checker, record

ALL = record.View("all", "/maps", cluster=None)
RED = record.View("red", "/maps", label=("color", "red"))
META = record.View("metadata", "/maps", shape="metadata")
A, B = record.Key("root", "default", "a"), record.Key("root", "default", "b")


def obj(name: str, version: int, color: str, uid: str = "") -> record.Object:
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "labels": {"color": color},
        "annotations": {"mark": f"m{version}"},
    }
    return {"metadata": metadata, "data": {"color": color}}


def event(kind: str, version: int, shown: record.Object, at: int = 0) -> record.Event:
    shown = copy.deepcopy(shown)
    shown["metadata"]["resourceVersion"] = str(at or version)
    key = record.Key("root", "default", shown["metadata"]["name"])
    return record.Event(kind, version, key, shown)


def bookmark(version: int, *, closes: bool = False) -> record.Event:
    return record.Event("BOOKMARK", version, closes=closes)


def right() -> record.History:
    """10: a is there. 11: b comes, red. 12: a turns red. 13: b turns blue. 14: a is deleted. 15: a comes back."""
    a10, b11, a12, b13 = obj("a", 10, "blue"), obj("b", 11, "red"), obj("a", 12, "red"), obj("b", 13, "blue")
    a15 = obj("a", 15, "red", "another")
    history = record.History(record.Listed(ALL, 10, [(A, a10)], 0), marks={f"m{version}" for version in range(10, 16)})
    history.newest = 15
    added_b, changed_a = event("ADDED", 11, b11), event("MODIFIED", 12, a12)
    changed_b, gone_a, back_a = event("MODIFIED", 13, b13), event("DELETED", 14, a12), event("ADDED", 15, a15)
    everything = [added_b, changed_a, bookmark(12), changed_b, gone_a, back_a, bookmark(15)]
    reds = [added_b, event("ADDED", 12, a12), event("DELETED", 13, b11), gone_a, bookmark(14), back_a]
    only = [event._replace(obj={"metadata": event.obj["metadata"]}) for event in everything if event.obj]
    started = [event("ADDED", 12, a12), event("ADDED", 11, b11), bookmark(12, closes=True), changed_b, gone_a, back_a]
    opened = [event("ADDED", 12, a12), event("ADDED", 13, b13), gone_a, back_a]
    expired = record.Event("ERROR", 410, text="too old resource version: 5 (9)")
    history.streams = [
        record.Stream(ALL, 10, 10, everything),
        record.Stream(RED, 10, 10, reds),
        record.Stream(META, 10, 10, only),
        record.Stream(ALL, "initial", 12, started),
        record.Stream(ALL, "fresh", 12, opened),
        record.Stream(ALL, 5, 15, [expired]),
    ]
    history.lists = [
        record.Listed(ALL, 13, [(A, a12), (B, b13)], 13),
        record.Listed(RED, 12, [(A, a12), (B, b11)], 0, asked=12),
        record.Listed(ALL, 13, [(A, a12)], 12, is_last=False),
        record.Listed(ALL, 13, [(B, b13)], 0, after=A, asked=13),
    ]
    history.writes = [record.Written(B, b11, 10), record.Written(A, a12, 11), record.Written(B, b13, 14, changes=False)]
    history.deletions = [record.Deleted(A, "uid-a", 13)]
    history.reads = [record.Read(A, a12, 12), record.Read(A, None, 14), record.Read(B, b13, 15)]
    return history


def test_a_right_history_is_right() -> None:
    assert checker.problems(right()) == []


Mutation = Callable[[record.History], object]


def stream(place: int, change: Callable[[list[record.Event]], object]) -> Mutation:
    return lambda history: change(history.streams[place].events)


def start(place: int, **changed: object) -> Mutation:
    return lambda history: [setattr(history.streams[place], name, value) for name, value in changed.items()]


def swap(events: list[record.Event], first: int, second: int) -> None:
    events[first], events[second] = events[second], events[first]


def put(events: list[record.Event], place: int, **changed: object) -> None:
    events[place] = events[place]._replace(**changed)  # type: ignore[arg-type]


def other(entries: list, place: int, **changed: object) -> None:  # type: ignore[type-arg]
    entries[place] = entries[place]._replace(**changed)


WRONG: dict[str, Mutation] = {
    "out of order": stream(0, lambda events: swap(events, 0, 1)),
    "twice": stream(0, lambda events: events.insert(1, events[0])),
    "one is missing": stream(0, lambda events: events.pop(1)),
    "one is missing at the end": stream(1, lambda events: events.pop(3)),
    "what an exact start excludes": start(1, start=11),
    "from nowhere": stream(0, lambda events: events.append(event("ADDED", 16, obj("c", 16, "red")))),
    "other content": stream(0, lambda events: put(events, 1, obj=obj("a", 12, "green"))),
    "another's version": stream(1, lambda events: put(events, 2, obj=obj("b", 11, "red"))),
    "the new content on leaving sight": stream(1, lambda events: put(events, 2, obj=obj("b", 13, "blue"))),
    "MODIFIED for what comes into sight": stream(1, lambda events: put(events, 1, type="MODIFIED")),
    "sight is not left": stream(1, lambda events: events.pop(2)),
    "a bookmark before its events": stream(0, lambda events: swap(events, 1, 2)),
    "a bookmark that goes back": stream(0, lambda events: put(events, 6, version=11)),
    "a bookmark that promises too much": stream(1, lambda events: put(events, 4, version=15)),
    "an event below a bookmark": stream(0, lambda events: put(events, 2, version=13)),
    "a closing bookmark that nobody asked for": stream(0, lambda events: put(events, 2, closes=True)),
    "closed twice": stream(3, lambda events: events.append(bookmark(15, closes=True))),
    "initial events that are not fresh": start(3, floor=13),
    "initial events of no state": stream(3, lambda events: events.pop(1)),
    "initial events of two states": stream(4, lambda events: put(events, 1, obj=obj("b", 11, "red"))),
    "a state that is not fresh": start(4, floor=14),
    "a state with a hole after it": stream(4, lambda events: events.pop(2)),
    "metadata of another": stream(2, lambda events: put(events, 0, obj={"metadata": obj("b", 11, "blue")["metadata"]})),
    "metadata that is missing": stream(2, lambda events: events.pop(3)),
    "the end of another object": stream(0, lambda events: put(events, 4, obj=obj("a", 14, "red", "other"))),
    "an end with other content": stream(0, lambda events: put(events, 4, obj=obj("a", 14, "blue"))),
    "too old in other words": stream(5, lambda events: put(events, 0, text="gone")),
    "another error": stream(5, lambda events: put(events, 0, version=500)),
    "an error where nothing can be too old": start(5, start="initial"),
    "events after an error": stream(5, lambda events: events.append(bookmark(15))),
    "a list without an object": lambda history: history.lists[0].items.pop(),
    "a list of another version": lambda history: other(history.lists, 0, version=14),
    "a list that is stale": lambda history: other(history.lists, 0, floor=14),
    "not the exact version": lambda history: other(history.lists, 1, asked=11),
    "a page that is not the next": lambda history: other(history.lists, 3, after=None),
    "a last page that promises more": lambda history: other(history.lists, 3, is_last=False),
    "a page too short": lambda history: other(history.lists, 2, is_last=True),
    "a write nobody saw": lambda history: history.writes.append(record.Written(B, obj("b", 16, "red"), 15)),
    "a write that was lost": lambda history: history.writes.append(record.Written(B, obj("b", 14, "red"), 13)),
    "an older version for a newer write": lambda history: other(history.writes, 1, floor=12),
    "a version of two writes": lambda history: history.writes.append(record.Written(B, obj("b", 12, "red"), 11)),
    "a write that no change explains": lambda history: other(history.writes, 2, obj=obj("b", 11, "red")),
    "a deletion that did not happen": lambda history: other(history.deletions, 0, uid="another"),
    "a deletion before it was asked for": lambda history: other(history.deletions, 0, floor=14),
    "a read of what was before": lambda history: other(history.reads, 0, floor=14),
    "nothing where something was": lambda history: other(history.reads, 1, floor=15),
    "a mark that nobody wrote": lambda history: history.marks.discard("m13"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_history_is_refused(name: str) -> None:
    history = right()
    WRONG[name](history)
    assert checker.problems(history) != []
