"""The one sequence of states that explains a history, pieced together from everything that anybody saw.

A version is of one write: whoever says it held something else than another does is found out here. What nobody saw
is not here; the checker then misses it where an acknowledgement or a list speaks of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from tests.history import record

State = Mapping[record.Key, record.Object]


class Truth:
    def __init__(self, history: record.History) -> None:
        self.problems: list[str] = []
        self._base = history.base.version
        self._puts: dict[int, tuple[record.Key, record.Object]] = {}
        self._ends: dict[int, tuple[record.Key, record.Object]] = {}
        self._first = {key: record.content(obj) for key, obj in history.base.items}
        for key, obj in _seen(history):
            self._learn(key, obj)
        for stream in history.streams:
            for event in stream.events:
                self._learn_end(stream.view, event)
        self.versions = sorted(self._puts.keys() | self._ends.keys())
        self._states = [dict(self._first)]
        for version in self.versions:
            self._states.append(self._after(version))

    def _problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)

    def _learn(self, key: record.Key, obj: record.Object) -> None:
        version, shown = int(obj["metadata"]["resourceVersion"]), record.content(obj)
        if version <= self._base:
            if self._first.get(key) != shown:
                self._problem(f"{key.text()} at {version} is not what it was at the beginning")
            return
        if self._puts.setdefault(version, (key, shown)) != (key, shown):
            self._problem(f"version {version} is two: {self._puts[version]} and {(key, shown)}")

    def _learn_end(self, view: record.View, event: record.Event) -> None:
        if event.type != "DELETED" or view.selective or view.shape == "metadata":
            return
        if event.key is None or event.obj is None:
            return
        shown = event.key, record.content(event.obj)
        if self._ends.setdefault(event.version, shown) != shown:
            self._problem(f"version {event.version} deleted two: {self._ends[event.version]} and {shown}")

    def _after(self, version: int) -> dict[record.Key, record.Object]:
        state = dict(self._states[-1])
        if version in self._ends:
            key, final = self._ends[version]
            if version in self._puts:
                self._problem(f"version {version} both writes and deletes")
            before = state.pop(key, None)
            if before is None:
                self._problem(f"{key.text()} was deleted at {version} and was not there")
            elif _at(before, version) != final:
                self._problem(f"{key.text()} was deleted at {version} as {final}, and had been {before}")
            return state
        key, obj = self._puts[version]
        previous = state.get(key)
        if previous is not None and previous["metadata"]["uid"] != obj["metadata"]["uid"]:
            self._problem(f"{key.text()} became another object at {version} without a deletion")
        state[key] = obj
        return state

    # What was when

    def state(self, version: int) -> State:
        return self._states[bisect_right(self.versions, version)]

    def put(self, version: int) -> tuple[record.Key, record.Object] | None:
        return self._puts.get(version)

    def ends(self, after: int) -> Iterator[tuple[record.Key, record.Object]]:
        """The deletions after a version."""
        return (end for version, end in self._ends.items() if version > after)

    def states(self, since: int) -> Iterable[State]:
        """All states from the one at a version on."""
        return self._states[bisect_right(self.versions, since) :]

    def items(self, view: record.View, version: int) -> list[tuple[record.Key, record.Object]]:
        """What a list shows, in order."""
        found = [(key, view.shown(obj)) for key, obj in self.state(version).items() if view.holds(key, obj)]
        return sorted(found, key=lambda entry: order(entry[0]))

    def events(self, view: record.View, after: int, until: int) -> list[record.Event]:
        """What a watch shows of everything after a version, up to another."""
        shown: list[record.Event] = []
        for place in range(bisect_right(self.versions, after), bisect_right(self.versions, until)):
            version, before, now = self.versions[place], self._states[place], self._states[place + 1]
            key = (self._puts.get(version) or self._ends[version])[0]
            old, new = before.get(key), now.get(key)
            was, is_ = view.holds(key, old), view.holds(key, new)
            if is_ and new is not None:
                shown.append(record.Event("MODIFIED" if was else "ADDED", version, key, view.shown(new)))
            elif was and old is not None:
                final = self._ends[version][1] if version in self._ends else _at(old, version)
                shown.append(record.Event("DELETED", version, key, view.shown(final)))
        return shown


def order(key: record.Key) -> tuple[str, str, str]:
    return key.cluster, key.namespace or "-", key.name


def _at(obj: record.Object, version: int) -> record.Object:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}


def _seen(history: record.History) -> Iterator[tuple[record.Key, record.Object]]:
    """Whole objects as they were written, wherever they were seen."""
    for one in (*history.writes, *history.reads):
        if one.obj is not None:
            yield one.key, one.obj
    for listed in history.lists:
        if listed.view.shape != "metadata":
            yield from listed.items
    for stream in history.streams:
        for event in stream.events:
            is_whole = event.type in ("ADDED", "MODIFIED") and stream.view.shape != "metadata"
            if is_whole and event.key is not None and event.obj is not None:
                yield event.key, event.obj
