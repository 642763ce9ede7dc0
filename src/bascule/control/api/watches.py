"""Which watches are open on which connection, so that a client's leaving and the server's end close them at once."""

from __future__ import annotations

from aiohttp import web

from bascule.control.cache import watch


class Watches:
    def __init__(self) -> None:
        self._by_connection: dict[object, set[watch.Watch]] = {}

    def add(self, following: watch.Watch, http: web.BaseRequest) -> None:
        self._by_connection.setdefault(http.protocol, set()).add(following)

    def discard(self, following: watch.Watch, http: web.BaseRequest) -> None:
        held = self._by_connection.get(http.protocol)
        if held is not None:
            held.discard(following)
            if not held:
                del self._by_connection[http.protocol]

    def connection_lost(self, connection: object) -> None:
        """Ends the watches of a connection that is gone."""
        for following in self._by_connection.get(connection, ()):
            following.close()

    def close(self) -> None:
        """Ends all: their streams finish cleanly."""
        for held in self._by_connection.values():
            for following in held:
                following.close()

    def __len__(self) -> int:
        return sum(len(held) for held in self._by_connection.values())
