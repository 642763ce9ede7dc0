"""Which watch is open on which connection, so that a client's leaving and the server's end close them at once."""

from __future__ import annotations

from aiohttp import web

from bascule.control.cache import watch


class Watches:
    def __init__(self) -> None:
        self._by_connection: dict[object, watch.Watch] = {}
        """A connection answers one request at a time."""

    def add(self, following: watch.Watch, http: web.BaseRequest) -> None:
        self._by_connection[http.protocol] = following

    def discard(self, following: watch.Watch, http: web.BaseRequest) -> None:
        if self._by_connection.get(http.protocol) is following:
            del self._by_connection[http.protocol]

    def connection_lost(self, connection: object) -> None:
        """Ends the watch of a connection that is gone."""
        following = self._by_connection.get(connection)
        if following is not None:
            following.close()

    def close(self) -> None:
        """Ends all: their streams finish cleanly."""
        for following in tuple(self._by_connection.values()):
            following.close()

    def __len__(self) -> int:
        return len(self._by_connection)
