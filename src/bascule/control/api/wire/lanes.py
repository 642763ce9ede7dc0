"""How much is done at once: a bound on requests that run and on streams that are open, with a lane kept free.

Ordinary users share one lane of requests; the platform's own identities (components, nodes, masters) have another, so
that heartbeats, leases and endpoints go on under any load of others. Beyond its lane a request is answered 429 and
told when to come again. Streams (watches, logs, exec) last, and are bounded for each user instead. Health is never
refused. Which of a lane's users comes first is not decided here.
"""

from __future__ import annotations

from typing import Final

from bascule.control.access import authorization, user
from bascule.vocabulary import errors

REQUESTS_MAX: Final = 400
RESERVED_MAX: Final = 2000
STREAMS_MAX: Final = 2000
_RETRY_SECONDS: Final = 1


class Lane:
    """`with lane:` runs one request in it; 429 when it is full."""

    __slots__ = ("_max", "_name", "running")

    def __init__(self, name: str, maximum: int) -> None:
        self._name = name
        self._max = maximum
        self.running = 0

    def __enter__(self) -> None:
        if self.running >= self._max:
            raise errors.too_many_requests(
                f"too many requests: {self._max} {self._name} at once is what this server does; try again later",
                retry_after_seconds=_RETRY_SECONDS,
            )
        self.running += 1

    def __exit__(self, *failure: object) -> None:
        self.running -= 1


class _Streams(Lane):
    """One user's streams, forgotten with the last of them."""

    __slots__ = ("_all", "_user")

    def __init__(self, name: str, maximum: int, all_of_them: dict[str, _Streams]) -> None:
        super().__init__(f"streams of {name}", maximum)
        self._user = name
        self._all = all_of_them

    def __exit__(self, *failure: object) -> None:
        super().__exit__(*failure)
        if not self.running:
            self._all.pop(self._user, None)


class Lanes:
    def __init__(
        self, *, requests_max: int = REQUESTS_MAX, reserved_max: int = RESERVED_MAX, streams_max: int = STREAMS_MAX
    ) -> None:
        self.ordinary = Lane("requests", requests_max)
        self.reserved = Lane("requests of the platform", reserved_max)
        self._streams_max = streams_max
        self._streams: dict[str, _Streams] = {}

    def of(self, who: user.User, *, streams: bool = False) -> Lane:
        """The lane of a user's request; `streams` for what lasts."""
        reserved = is_reserved(who)
        if not streams:
            return self.reserved if reserved else self.ordinary
        if reserved:
            return _UNBOUNDED
        held = self._streams.get(who.name)
        if held is None:
            held = self._streams[who.name] = _Streams(who.name, self._streams_max, self._streams)
        return held


def is_reserved(who: user.User) -> bool:
    """Whether this is the platform itself, or who may repair it."""
    return user.MASTERS in who.groups or user.NODES in who.groups or authorization.is_component(who)


_UNBOUNDED: Final = Lane("streams", 1 << 62)
