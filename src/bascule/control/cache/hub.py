"""From a change to those who watch it, without asking every watcher.

Watches with equal selections form a channel, which is judged once for all of them. Channels are found by scope, and
where a selection demands one value of an indexed field, by that value: a thousand watchers of one node each cost a
change nothing but a look-up.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from bascule.control.cache import change, record, scope, selection, watch

WOKEN_AT_ONCE: Final = 300
"""Watches: each makes and sends its answer at once, in some 50 µs."""
_Pin = tuple[str, str] | None
_Address = tuple[scope.Scope, _Pin]


class Channel:
    """The watches of one selection. Many are woken a few at a time, so that others are served between them."""

    __slots__ = ("_again", "_selected", "_selective", "_waking", "watches")

    def __init__(self, selected: selection.Selection) -> None:
        self._selected = selected
        self._selective = selected.selective
        self.watches: dict[watch.Watch, None] = {}
        self._waking: Iterator[watch.Watch] | None = None
        """Those that are still to be told that there is something to read."""
        self._again = False

    def tell(self, happened: change.Change) -> None:
        before, after = happened.previous is not None, happened.record is not None
        if self._selective:
            before = before and self._chooses(happened.previous)
            after = after and self._chooses(happened.record)
        seen = happened.seen(before=before, after=after)
        if seen is None:
            return
        if len(self.watches) <= WOKEN_AT_ONCE:
            for watcher in tuple(self.watches):
                watcher.offer(seen)
            return
        for watcher in tuple(self.watches):
            watcher.offer(seen, wakes=False)
        if self._waking is None:
            self._wake()
        else:
            self._again = True  # Who was woken already may sleep again.

    def _wake(self) -> None:
        if self._waking is None:
            self._waking, self._again = iter(tuple(self.watches)), False
        for watcher in islice(self._waking, WOKEN_AT_ONCE):
            watcher.wake()
        if not operator.length_hint(self._waking):
            self._waking = None
            if not self._again:
                return
        asyncio.get_running_loop().call_soon(self._wake)

    def _chooses(self, shown: record.Record | None) -> bool:
        return shown is not None and self._selected.chooses(shown)


class Hub:
    """``indexed`` names the fields that pin a channel to a value."""

    def __init__(self, indexed: Iterable[str]) -> None:
        self._indexed = ("metadata.name", *indexed)
        self._addresses: dict[_Address, dict[selection.Selection, Channel]] = {}
        self._pinned = 0
        self._homes: dict[watch.Watch, selection.Selection] = {}

    def __len__(self) -> int:
        return len(self._homes)

    def _address(self, selected: selection.Selection) -> _Address:
        for field in self._indexed:
            value = selected.fields.exact(field)
            if value is not None:
                return selected.within, (field, value)
        return selected.within, None

    def attach(self, watcher: watch.Watch, selected: selection.Selection) -> None:
        address = self._address(selected)
        channels = self._addresses.setdefault(address, {})
        channel = channels.get(selected)
        if channel is None:
            channel = channels[selected] = Channel(selected)
        channel.watches[watcher] = None
        self._homes[watcher] = selected
        self._pinned += address[1] is not None

    def detach(self, watcher: watch.Watch) -> None:
        selected = self._homes.pop(watcher, None)
        if selected is None:
            return
        address = self._address(selected)
        channels = self._addresses[address]
        channel = channels[selected]
        del channel.watches[watcher]
        self._pinned -= address[1] is not None
        if not channel.watches:
            del channels[selected]
            if not channels:
                del self._addresses[address]

    def publish(self, happened: change.Change) -> None:
        if not self._homes:
            return
        for address in self._concerned(happened):
            channels = self._addresses.get(address)
            if channels is not None:
                for channel in tuple(channels.values()):
                    channel.tell(happened)

    def _concerned(self, happened: change.Change) -> Iterator[_Address]:
        cluster, namespace, _ = happened.key
        pins: set[_Pin] = {None}
        if self._pinned:
            for shown in (happened.previous, happened.record):
                if shown is not None:
                    pins.update((field, shown.field(field)) for field in self._indexed)
        for within in (
            scope.Scope(cluster, namespace),
            scope.Scope(cluster, None),
            scope.Scope(None, namespace),
            scope.EVERYWHERE,
        ):
            for pin in pins:
                yield within, pin

    def close(self) -> None:
        for watcher in tuple(self._homes):
            watcher.close()
