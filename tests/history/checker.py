"""Whether a history is one that a Kubernetes API server may show. Pure: `problems` of a right history is empty.

Watches are ordered, unique, atomic, reliable, resumable and bookmarkable; lists and reads are states of the one truth,
no older than what was acknowledged before them; acknowledged writes happened, and nothing else did.
"""

from __future__ import annotations

import re

from tests.history import record, truth

_TOO_OLD = re.compile(r"too old resource version: \d+ \(\d+\)")


def problems(history: record.History) -> list[str]:
    """Everything that is wrong, in words."""
    true = truth.Truth(history)
    found = list(true.problems)
    for stream in history.streams:
        title = f"{stream.view.title} from {stream.start}"
        found += [f"{title}: {text}" for text in _stream(true, stream)]
    for listed in history.lists:
        found += [f"list of {listed.view.title} at {listed.version}: {text}" for text in _listed(true, listed)]
    found += [text for write in history.writes for text in _written(true, write)]
    found += [text for deletion in history.deletions for text in _deleted(true, deletion)]
    found += [text for read in history.reads for text in _read(true, read)]
    for version in true.versions:
        put = true.put(version)
        found += (
            [f"{put[0].text()} at {version}: nobody wrote {mark}" for mark in _unknown(history, put)] if put else []
        )
    return found


# Watches


def _stream(true: truth.Truth, stream: record.Stream) -> list[str]:
    events = list(stream.events)
    if events and events[-1].type == "ERROR":
        last = events.pop()
        if last.version != 410 or not _TOO_OLD.fullmatch(last.text):
            return [f"ended with {last.version}: {last.text}"]
        if not isinstance(stream.start, int):
            return ["said that a version which was not given is too old"]
    if any(event.type == "ERROR" for event in events):
        return ["went on after an error"]
    if isinstance(stream.start, int):
        return _followed(true, stream.view, stream.start, events)
    if stream.start == "initial":
        return _closed(true, stream, events)
    return _opened(true, stream, events)


def _closed(true: truth.Truth, stream: record.Stream, events: list[record.Event]) -> list[str]:
    """The initial state, closed by its bookmark, and what follows."""
    closing = [place for place, event in enumerate(events) if event.closes]
    if not closing:
        return _cut_short(events)
    if len(closing) > 1:
        return ["the initial events were closed twice"]
    (place,) = closing
    version = events[place].version
    if version < stream.floor:
        return [f"the initial state is of {version}, and {stream.floor} had been acknowledged"]
    if _added(events[:place]) != true.items(stream.view, version):
        return [f"the initial events are not the state at {version}"]
    return _followed(true, stream.view, version, events[place + 1 :])


def _cut_short(events: list[record.Event]) -> list[str]:
    """Initial events that were cut off tell nothing of their version, but are in order."""
    added = _added(events)
    if added is None:
        return ["something else than ADDED came before the closing bookmark"]
    keys = [truth.order(key) for key, _ in added]
    return [] if keys == sorted(set(keys)) else ["the initial events are not in order, or come twice"]


def _opened(true: truth.Truth, stream: record.Stream, events: list[record.Event]) -> list[str]:
    """The initial state of a version that is not said, and what follows: one version must explain it all."""
    oldest = stream.floor if stream.start == "fresh" else 0
    wrong: list[str] = []
    for version in (oldest, *(version for version in true.versions if version > oldest)):
        state = true.items(stream.view, version)
        first = _added(events[: len(state)])
        if first is not None and first == state[: len(first)]:
            wrong = _followed(true, stream.view, version, events[len(state) :])
            if not wrong:
                return []
    return wrong or ["the initial events are no state that was fresh"]


def _added(events: list[record.Event]) -> list[tuple[record.Key, record.Object]] | None:
    """Keys and contents, if these are ADDED all."""
    if any(event.type != "ADDED" for event in events):
        return None
    return [(event.key, event.obj) for event in events if event.key is not None and event.obj is not None]


def _followed(true: truth.Truth, view: record.View, after: int, events: list[record.Event]) -> list[str]:
    """Exactly what happened after a version, up to the last that was heard of; a bookmark leaves nothing out."""
    until = max([after, *(event.version for event in events)])
    expected = true.events(view, after, until)
    reached, place = after, 0
    for event in events:
        if event.type == "BOOKMARK":
            if event.closes:
                return ["a bookmark closes initial events that were not asked for"]
            if event.version < reached:
                return [f"the bookmark of {event.version} came after {reached}"]
            if place < len(expected) and expected[place].version <= event.version:
                return [f"the bookmark of {event.version} came before {_words(expected[place])}"]
        elif event.version <= reached:
            return [f"{_words(event)} came after {reached}"]
        elif place == len(expected) or event != expected[place]:
            wanted = _words(expected[place]) if place < len(expected) else "nothing"
            return [f"{_words(event)} came, and {wanted} was due: {event.obj}"]
        else:
            place += 1
        reached = event.version
    return [] if place == len(expected) else [f"{_words(expected[place])} is missing"]


def _words(event: record.Event) -> str:
    return f"{event.type} {event.key.text() if event.key else ''} at {event.version}"


# Lists, reads and writes


def _listed(true: truth.Truth, listed: record.Listed) -> list[str]:
    if listed.asked and listed.version != listed.asked:
        return [f"{listed.asked} was asked for"]
    if listed.version < listed.floor:
        return [f"{listed.floor} had been acknowledged before"]
    expected = true.items(listed.view, listed.version)
    if listed.after is not None:
        expected = [entry for entry in expected if truth.order(entry[0]) > truth.order(listed.after)]
    if not listed.is_last:
        if len(listed.items) >= len(expected):
            return ["more is promised than there is"]
        expected = expected[: len(listed.items)]
    return [] if listed.items == expected else ["it is not what the events say"]


def _written(true: truth.Truth, write: record.Written) -> list[str]:
    version = int(write.obj["metadata"]["resourceVersion"])
    if write.changes and version <= write.floor:
        return [f"{write.key.text()}: a write was answered with {version}, and {write.floor} was acknowledged before"]
    if not write.changes and not _was(true, write.key, record.content(write.obj), write.floor):
        return [f"{write.key.text()}: a write without a change was answered with what was not there at {version}"]
    return []


def _deleted(true: truth.Truth, deletion: record.Deleted) -> list[str]:
    if any(obj["metadata"]["uid"] == deletion.uid for _, obj in true.ends(deletion.floor)):
        return []
    last = true.state(true.versions[-1] if true.versions else 0).get(deletion.key)
    if last is not None and last["metadata"]["uid"] == deletion.uid and "deletionTimestamp" in last["metadata"]:
        return []
    return [f"{deletion.key.text()}: a deletion after {deletion.floor} was acknowledged and did not happen"]


def _read(true: truth.Truth, read: record.Read) -> list[str]:
    expected = None if read.obj is None else record.content(read.obj)
    if _was(true, read.key, expected, read.floor):
        return []
    return [f"{read.key.text()}: read as it had not been since {read.floor}: {read.obj}"]


def _was(true: truth.Truth, key: record.Key, obj: record.Object | None, since: int) -> bool:
    return any(state.get(key) == obj for state in true.states(since))


def _unknown(history: record.History, put: tuple[record.Key, record.Object]) -> list[str]:
    """Marks nobody attempted to write."""
    _, obj = put
    marks = (obj["metadata"].get("annotations") or {}).get("mark"), (obj.get("status") or {}).get("mark")
    return [mark for mark in marks if mark is not None and mark not in history.marks]
