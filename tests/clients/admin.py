"""The admin's requests to a server process, over TLS and as raw as a test wants them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bascule.bridge.identity import authority, pki
from bascule.vocabulary import clock
from tests.clients.conftest import process


def context(data: Path) -> ssl.SSLContext:
    """TLS as a member of system:masters, to servers on the data directory."""
    issued = authority.issue(
        pki.layout(data).load_authority(), "boss", ["system:masters"], usages=["client"], clock=clock.SystemClock()
    )
    pair = data.parent / "boss.pem"
    pair.write_bytes(issued.certificate_pem + issued.key_pem)
    made = ssl.create_default_context(cafile=str(pki.layout(data).ca))
    made.load_cert_chain(pair)
    return made


class Client:
    def __init__(self, data: Path, address: str) -> None:
        self.address = address
        self._connection = http.client.HTTPSConnection(address, context=context(data), timeout=60)

    def ask(
        self, method: str, path: str, body: Any = None, media: str = "application/json", **headers: str
    ) -> tuple[int, Any]:
        """Code and decoded body. Bytes and iterables of bytes (sent in chunks) go out as they are."""
        if body is not None and isinstance(body, (dict, list)):
            body = orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, {"Content-Type": media, **named})
        answer = self._connection.getresponse()
        content = answer.read()
        is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
        return answer.status, orjson.loads(content) if is_json else content

    def lines(self, path: str, count: int) -> list[Any]:
        """The first lines of a watch, decoded; fewer if it ends before."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        assert answer.status == 200, answer.read()
        lines = [line for line in (answer.readline() for _ in range(count)) if line]
        self._connection.close()  # The next request opens it again.
        return [orjson.loads(line) for line in lines]

    def opened(self, path: str) -> http.client.HTTPResponse:
        """The answer to a GET that has begun, to read line by line."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        assert answer.status == 200, answer.read()
        return answer

    def abandon(self) -> None:
        """Ends the connection under whoever reads from it."""
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def serving(data: Path, log: Path) -> Iterator[tuple[Client, int]]:
    """A server on the data directory, and its process id."""
    with process("bascule.control.api", "--data-dir", str(data), "--port", "0", log=log) as ready:
        client = Client(data, ready["address"])
        try:
            yield client, ready["pid"]
        finally:
            client.close()
