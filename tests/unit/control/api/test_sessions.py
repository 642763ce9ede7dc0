"""exec by every protocol there is, and port-forward by three, through a bridgehead that this test plays."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import struct
from collections.abc import AsyncIterator

import pytest
from aiohttp import WSCloseCode, WSMsgType

from bascule.control.api.streaming import frames, upgrading
from tests.unit.control.api import bridgehead, harness, spdy

EXEC = f"{bridgehead.PODS}/p/exec?command=shout&stdin=true&stdout=true&stderr=true"
FORWARD = f"{bridgehead.PODS}/p/portforward"
ADMIN = {"Authorization": "Bearer admin"}
JSON_STATUS = b'{"metadata":{},"status":"Failure","message":"it failed"}'


@pytest.fixture
async def node(api: harness.Api) -> AsyncIterator[bridgehead.Played]:
    """With the pod p, whose port 7 echoes, in capitals, to the end of what it hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.upper())
            await writer.drain()
        writer.write(b"END")
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with bridgehead.played(api) as made:
        made.ports[7] = server.sockets[0].getsockname()[1]
        await bridgehead.bound_pod(api)
        yield made
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("version", "said"),
    [("v4.channel.k8s.io", JSON_STATUS), ("channel.k8s.io", b"it failed"), ("v2.channel.k8s.io", b"it failed")],
)
async def test_exec_by_spdy(api: harness.Api, node: bridgehead.Played, version: str, said: bytes) -> None:
    async with spdy.connected(api, EXEC, version) as client:
        failure, stdin, stdout, stderr = [
            await client.open(streamtype=name) for name in ("error", "stdin", "stdout", "stderr")
        ]
        stray = await client.open(streamtype="other")
        await client.send(frames.Ping(1))
        await client.send(frames.Data(stdin, b"hello" * 100_000))
        await client.send(frames.Data(stdin, b"", fin=True))
        await client.until_ended(failure, stdout, stderr, stray)
        assert client.data[stdout] == b"HELLO" * 100_000
        assert (client.data[stderr], client.data[failure]) == (b"to stderr", said)
        assert client.replied >= {failure, stdin, stdout, stderr}
        assert client.pings == [1]
        assert stray in client.resets


async def test_a_terminals_sizes_by_spdy(api: harness.Api, node: bridgehead.Played) -> None:
    path = EXEC.replace("stderr=true", "tty=true")
    async with spdy.connected(api, path, "v4.channel.k8s.io") as client:
        _, stdin, stdout, resize = [
            await client.open(streamtype=name) for name in ("error", "stdin", "stdout", "resize")
        ]
        await client.send(frames.Data(resize, b'{"Width":1,"Height":2}\n{"Wid'))
        await client.send(frames.Data(resize, b'th":3,"Height":4}\n'))
        await client.until(stdout, b'size {"Width":1,"Height":2}size {"Width":3,"Height":4}')
        await client.send(frames.Data(stdin, b"", fin=True))
        await client.until_ended(stdout)


async def test_what_is_no_spdy_ends_the_connection(api: harness.Api, node: bridgehead.Played) -> None:
    async with spdy.connected(api, EXEC, "v4.channel.k8s.io") as client:
        client._writer.write(b"\x80\x02\x00\x01" + bytes(2_000_000))
        await client.until_over()
    async with spdy.connected(api, FORWARD, "portforward.k8s.io") as client:
        await client.send(frames.SynStream(2, {}))
        await client.until_over()


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"])
async def test_exec_by_websocket(api: harness.Api, node: bridgehead.Played, protocol: str) -> None:
    async with api.session.ws_connect(api.url + EXEC, protocols=(protocol,), headers=ADMIN) as socket:
        assert socket.protocol == protocol
        if protocol != "v5.channel.k8s.io":
            assert await socket.receive_bytes() == b"\x01"
        await socket.send_bytes(b"\x00bye")
        heard = [await socket.receive_bytes() for _ in range(3)]
        assert heard[:2] == [b"\x01BYE", b"\x02to stderr"]
        assert heard[2][1:] == (b"it failed" if protocol == "channel.k8s.io" else JSON_STATUS)
        assert (await socket.receive()).type is WSMsgType.CLOSE


async def test_messages_beyond_their_bound_end_the_session(api: harness.Api, node: bridgehead.Played) -> None:
    async with api.session.ws_connect(api.url + EXEC, protocols=("v5.channel.k8s.io",), headers=ADMIN) as socket:
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):  # Refused by its length, before all of it was sent.
                await socket.send_bytes(bytes(upgrading.MESSAGE_MAX_BYTES + 1))
            while not socket.closed:
                await socket.receive()
    # Nobody agreed on compression: a compressed message is no message.
    async with api.session.ws_connect(api.url + EXEC, protocols=("v5.channel.k8s.io",), headers=ADMIN) as socket:
        await socket._writer.send_frame(b"\x00" + bytes(1_000_000), WSMsgType.BINARY, compress=15)
        async with asyncio.timeout(5):
            while not socket.closed:
                await socket.receive()
        assert socket.close_code == WSCloseCode.PROTOCOL_ERROR


async def test_exec_by_base64(api: harness.Api, node: bridgehead.Played) -> None:
    async with api.session.ws_connect(api.url + EXEC, protocols=("base64.channel.k8s.io",), headers=ADMIN) as socket:
        assert await socket.receive_str() == "1"
        await socket.send_str("0" + base64.b64encode(b"bye").decode())
        assert await socket.receive_str() == "1" + base64.b64encode(b"BYE").decode()


async def test_a_session_nobody_can_have_says_why(api: harness.Api, node: bridgehead.Played) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    version = {"X-Stream-Protocol-Version": "v9.channel.k8s.io"}
    for path, headers, code, text in (
        (EXEC, {}, 400, "Upgrade request required"),
        (EXEC, upgrade, 400, "unable to upgrade: X-Stream-Protocol-Version is required"),
        (EXEC, upgrade | version, 403, "unable to negotiate protocol: client supports [v9.channel.k8s.io]"),
        (EXEC.replace("=true", "=false"), upgrade, 400, "you must specify at least 1 of stdin, stdout, stderr"),
        (EXEC + "&container=other", upgrade, 400, "container other is not valid for pod p"),
        (EXEC.replace("/p/", "/absent/"), upgrade, 404, 'pods "absent" not found'),
    ):
        answer = await api.call("POST", path, headers=headers)
        assert (answer.code, text in answer.body["message"]) == (code, True), answer
    await bridgehead.bound_pod(api, "gone")
    version = {"X-Stream-Protocol-Version": "v4.channel.k8s.io"}
    gone = await api.call("POST", EXEC.replace("/p/", "/gone/"), headers=upgrade | version)
    assert (gone.code, gone.body["message"]) == (400, "the pod is not on this node")


async def _forward(client: spdy.Client, request: str, port: str = "7") -> tuple[int, int]:
    error = await client.open(streamtype="error", port=port, requestid=request)
    await client.send(frames.Data(error, b"", fin=True))
    return error, await client.open(streamtype="data", port=port, requestid=request)


async def test_many_connections_over_spdy(api: harness.Api, node: bridgehead.Played) -> None:
    async with spdy.connected(api, FORWARD, "portforward.k8s.io") as client:
        pairs = [await _forward(client, str(number)) for number in range(40)]
        for number, (_, data) in enumerate(pairs):
            await client.send(frames.Data(data, b"line %d;" % number))
        for number, (_, data) in enumerate(pairs):
            await client.until(data, b"LINE %d;" % number)
            await client.send(frames.Data(data, b"", fin=True))
        await client.until_ended(*(stream for pair in pairs for stream in pair))
        assert all(client.data[data].endswith(b";END") and not client.data[error] for error, data in pairs)


async def test_a_connection_fails_alone(api: harness.Api, node: bridgehead.Played) -> None:
    async with spdy.connected(api, FORWARD, "portforward.k8s.io") as client:
        good, bad = await _forward(client, "1"), await _forward(client, "2", "8")
        none = await client.open(streamtype="data", port="0", requestid="3")
        twice = [await client.open(streamtype="data", port="7", requestid="4") for _ in range(2)]
        await client.until_ended(*bad, none, twice[1])
        uid = (await api.get(f"{bridgehead.PODS}/p")).body["metadata"]["uid"]
        said = client.data[bad[0]].decode()
        assert said.startswith(f"error forwarding port 8 to pod p, uid {uid}: ")
        assert said.endswith("connect: connection refused")
        await client.send(frames.Data(good[1], b"still", fin=True))
        await client.until(good[1], b"STILLEND")


async def test_a_connection_is_over_when_the_pod_has_said_all(api: harness.Api, node: bridgehead.Played) -> None:
    async def brief(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()

    server = await asyncio.start_server(brief, "127.0.0.1", 0)
    node.ports[9] = server.sockets[0].getsockname()[1]
    async with spdy.connected(api, FORWARD, "portforward.k8s.io") as client:
        error, data = await _forward(client, "1", "9")
        await client.send(frames.Data(data, b"words"))
        await client.until_ended(error, data)
        assert (client.data[data], client.data[error]) == (b"WORDS", b"")
        await client.send(frames.Data(data, b"more", fin=True))
        again = await _forward(client, "2", "9")
        await client.send(frames.Data(again[1], b"again"))
        await client.until_ended(*again)
        assert client.data[again[1]] == b"AGAIN"
    server.close()
    await server.wait_closed()


async def test_a_slow_reader_holds_the_sender_back(api: harness.Api, node: bridgehead.Played) -> None:
    started = asyncio.Event()
    heard = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        await started.wait()
        while data := await reader.read(65536):
            heard += len(data)
        writer.write(b"%d" % heard)
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    node.ports[9] = server.sockets[0].getsockname()[1]
    async with spdy.connected(api, FORWARD, "portforward.k8s.io") as client:
        _, data = await _forward(client, "1", "9")
        block = bytes(64 * 1024)
        sent = 0
        try:
            while sent < 64_000_000:
                async with asyncio.timeout(0.5):
                    await client.send(frames.Data(data, block))
                sent += len(block)
        except TimeoutError:
            pass
        assert sent < 64_000_000, "nobody holds the sender back"
        started.set()
        await client.send(frames.Data(data, b"", fin=True))
        await client.until_ended(data)
        assert int(client.data[data]) >= sent
    server.close()
    await server.wait_closed()


async def test_spdy_within_a_websocket(api: harness.Api, node: bridgehead.Played) -> None:
    protocol = "SPDY/3.1+portforward.k8s.io"
    async with api.session.ws_connect(api.url + FORWARD, protocols=(protocol,), headers=ADMIN) as socket:
        encoder, decoder = frames.Encoder(), frames.Decoder()
        opened = [
            frames.SynStream(1 + 2 * index, {"streamtype": kind, "port": "7", "requestid": "0"})
            for index, kind in enumerate(("error", "data"))
        ]
        raw = b"".join(encoder.encode(frame) for frame in (*opened, frames.Data(3, b"in a socket", fin=True)))
        for begin in range(0, len(raw), 7):
            await socket.send_bytes(raw[begin : begin + 7])
        heard = b""
        while not heard.endswith(b"END"):
            for frame in decoder.feed(await socket.receive_bytes()):
                heard += frame.payload if isinstance(frame, frames.Data) and frame.stream == 3 else b""
        assert heard == b"IN A SOCKETEND"


async def test_port_forward_by_channels(api: harness.Api, node: bridgehead.Played) -> None:
    url = f"{api.url}{FORWARD}?ports=7,8"
    async with api.session.ws_connect(url, protocols=("v4.channel.k8s.io",), headers=ADMIN) as socket:
        heard: dict[int, bytes] = {}

        async def listen(channel: int, expected: bytes) -> None:
            while expected not in heard.get(channel, b""):
                message = await socket.receive_bytes()
                heard[message[0]] = heard.get(message[0], b"") + message[1:]

        await socket.send_bytes(b"\x00words")
        await listen(0, b"WORDS")
        await listen(3, b"connection refused")
        assert heard[0] == struct.pack("<H", 7) + b"WORDS"
        assert heard[1] == struct.pack("<H", 7)
        assert heard[2] == struct.pack("<H", 8)
    for query in ("", "?ports=", "?ports=0", "?ports=x", "?ports=65536"):
        answer = await api.call("GET", FORWARD + query, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        assert answer.code == 400, query


@pytest.mark.parametrize("protocol", ["binary.k8s.io", "base64.binary.k8s.io", ""])
async def test_logs_by_websocket(api: harness.Api, node: bridgehead.Played, protocol: str) -> None:
    url = f"{api.url}{bridgehead.PODS}/p/log"
    async with api.session.ws_connect(url, protocols=(protocol,) if protocol else (), headers=ADMIN) as socket:
        assert await socket.receive_bytes() == b""
        said = (await socket.receive()).data
        assert (base64.b64decode(said) if protocol.startswith("base64") else said) == b"line 1\nline 2\n"
        assert (await socket.receive()).type is WSMsgType.CLOSE


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_node_that_is_lost_is_no_success(api: harness.Api, node: bridgehead.Played, legacy: bool) -> None:
    lost = b"the connection to the pod's node was lost"
    if not legacy:
        async with api.session.ws_connect(api.url + EXEC, protocols=("v5.channel.k8s.io",), headers=ADMIN) as socket:
            await socket.send_bytes(b"\x00die")
            assert await socket.receive_bytes() == b"\x01DIE"
            status = await socket.receive_bytes()
            assert status[0] == 3
            assert lost in status
        return
    async with spdy.connected(api, EXEC, "v4.channel.k8s.io") as client:
        failure, stdin, *_ = [await client.open(streamtype=name) for name in ("error", "stdin", "stdout", "stderr")]
        await client.send(frames.Data(stdin, b"die"))
        await client.until_ended(failure)
        assert lost in client.data[failure]
