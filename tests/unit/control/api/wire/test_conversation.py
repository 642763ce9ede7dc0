"""Requests that are read at a glance are answered as those that aiohttp reads, in whatever pieces they come."""

import asyncio
import itertools
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bascule.control.api.wire import accepting, answer, conversation, request
from tests import waiting

GET = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"


class _Transport(asyncio.Transport):
    """Keeps what is written. Ends the connection as real ones do, a moment after it was closed."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.reads = True
        self._protocol = protocol

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += data

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class _Echo:
    """Answers what it was asked; the path says how."""

    crowded = False

    def __init__(self) -> None:
        self.connections = self
        self.waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: list[str] = []

    def connection_lost(self, connection: object) -> None:
        pass

    def _said(self, http: request.Http, body: bytes) -> bytes:
        headers = sorted((name.lower(), value) for name, value in http.headers.items())
        others = [pair for pair in headers if pair[0] != "content-length"]
        return repr((http.method, http.raw_path, others, body)).encode()

    def at_once(self, http: request.Request) -> answer.Answer | None:
        if not http.raw_path.startswith("/now"):
            return None
        return answer.Answer(self._said(http, http.body), code=200, media="text/plain")

    async def handle(self, http: request.Http) -> web.StreamResponse:
        if http.raw_path.startswith("/unread"):
            return answer.Answer(self._said(http, b""), code=401, media="text/plain")
        try:
            body = http.body if isinstance(http, request.Request) else await http.read()
        except Exception as error:
            return answer.Answer(type(error).__name__.encode(), code=400, media="text/plain")
        if http.raw_path.startswith("/wait"):
            try:
                await self.waited
            finally:
                self.ended.append("cancelled" if self.waited.cancelled() else "answered")
        if http.raw_path.startswith("/slow"):
            for _ in range(5):
                await asyncio.sleep(0)
        if http.raw_path.startswith("/stream"):
            full = request.full(http)
            assert await full.read() == body
            stream = web.StreamResponse(headers={"Content-Type": "text/plain", **_echoed(full)})
            stream.enable_chunked_encoding()
            await stream.prepare(full)
            for piece in (b"a", body, b"b" * 20_000):
                await asyncio.sleep(0)
                if piece:
                    await stream.write(piece)
            await stream.write_eof()
            return stream
        said = self._said(http, body)
        large = 70_000 if http.raw_path.startswith("/large") else 0
        made = answer.Answer(said + b"x" * large, code=200, media="text/plain")
        if http.raw_path.startswith("/close"):
            made.force_close()
        return made


def _echoed(full: web.BaseRequest) -> dict[str, str]:
    return {"X-Length": str(full.content_length), "X-Version": str(full.version), "X-Url": str(full.rel_url)}


class _Ends:
    """One connection's server side, on a transport in memory."""

    def __init__(self, *, ours: bool = True, **bounds: float) -> None:
        self.echo: Any = _Echo()
        platform: Any = SimpleNamespace(watches=self.echo)
        self.connections = accepting.Connections(platform, self.echo, connections_max=10, **bounds)  # type: ignore[arg-type]
        made = self.connections()
        assert isinstance(made, conversation.Conversation)
        self.protocol = made
        self.transport = _Transport(made)
        made.connection_made(self.transport)
        if not ours:
            made._lent, made._owed = True, conversation._FOREVER

    async def rest(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)

    async def end(self) -> bytes:
        await self.rest()
        self.transport.close()
        await self.rest()
        return re.sub(rb"\r\nDate: [^\r]*", b"", self.transport.written)


async def _said(pieces: Sequence[bytes], *, ours: bool) -> tuple[bytes, bool]:
    ends = _Ends(ours=ours)
    for piece in pieces:
        if not ends.transport.closed:
            ends.protocol.data_received(piece)
        await ends.rest()
    closed = ends.transport.closed
    return await ends.end(), closed


METHODS = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"BREW", b"get"]
PATHS = [
    *(b"/now", b"/now?a=b&c", b"/later", b"/slow", b"/stream?x=%2F", b"/close", b"/large", b"/unread", b"/a/%7e+b;c"),
    *(b"//now", b"/now#x", b"*", b"http://x/now", b"/n\xc3\xb6w", b'/now"', b"/now\\", b"/a b", b"", b"/\x00"),
]
VERSIONS = [*[b"HTTP/1.1"] * 12, b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b""]
FIELDS = [
    *(b"Accept: */*", b"accept:x", b"User-Agent: kubectl/v1.36 (x; y)", b"X-Odd: \xff\xfe", b"X-Tab:\ta\t", b"X-:"),
    *(b"Connection: keep-alive", b"Connection: close", b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c"),
    *(b"Expect: 100-continue", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Content-Encoding: gzip"),
    *(b"Content-Length: 3", b"content-length: 3", b"Content-Length:3", b"Content-Length: 03", b"Content-Length: 1"),
    *(b"Content-Length: +3", b"Content-Length: 3, 3", b"Content-Length: -1", b"Content-Length:", b"Content-Length : 3"),
    *(b"Host: y", b" folded", b"\tfolded", b"No-Colon", b": no name", b"X-Nul: \x00", b"X-Bare: a\nContent-Length: 3"),
    *(b"X-Bare: a\rb", b"X-Long: " + b"y" * 5000, b"Impersonate-User: z", b"Sec-WebSocket-Key1: "),
]  # fmt: skip
ENDS = [*[b"\r\n"] * 5, b"\n", b"\r", b"\n\r\n"]
usual = st.tuples(st.sampled_from(METHODS[:5]), st.sampled_from(PATHS[:8]), st.just(b"HTTP/1.1"))
any_line = st.tuples(st.sampled_from(METHODS), st.sampled_from(PATHS), st.sampled_from(VERSIONS))
bodies = st.sampled_from(
    [b"", b"", b"abc", b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"z" * 5000]
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A request that is right, or nearly so, or wrong."""
    is_usual = draw(st.integers(0, 3)) > 0
    line = b" ".join(draw(usual if is_usual else any_line))
    body = draw(bodies)
    fields = [b"Host: x", *draw(st.lists(st.sampled_from(FIELDS[:6]), max_size=3))]
    if body or draw(st.booleans()):
        length = draw(st.sampled_from([b"Content-Length: %d", b"Content-Length: %d", b"content-length: %d"]))
        fields.append(length % len(body))
    end = b"\r\n"
    if not is_usual:
        fields = fields[draw(st.integers(0, 1)) :] + draw(st.lists(st.sampled_from(FIELDS), max_size=2))
        end = draw(st.sampled_from(ENDS))
    fields = draw(st.permutations(fields))
    return line + b"\r\n" + b"".join(field + end for field in fields) + b"\r\n" + body


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Some requests, one after the other, in pieces that may be cut anywhere; often at their ends."""
    pieces = [draw(messages()) for _ in range(draw(st.integers(1, 4)))]
    if draw(st.booleans()):
        return pieces
    whole = b"".join(pieces)
    cuts = draw(st.lists(st.integers(0, len(whole)), max_size=5, unique=True))
    bounds = [0, *sorted(cuts), len(whole)]
    return [whole[begin:end] for begin, end in itertools.pairwise(bounds) if begin < end]


@pytest.fixture(autouse=True, scope="module")
def _impatient() -> Any:
    patch = pytest.MonkeyPatch()
    patch.setattr(conversation, "_PATIENCE_SECONDS", 0)
    yield
    patch.undo()


@settings(max_examples=300, deadline=None)
@given(streams())
@example([GET * 3])
@example([b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", b"c" + GET])
@example([b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\tb\r\n\r\nabc"])
@example([b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"])
@example([b"POST /later HTTP/1.1\r\nHost: x\r\ncontent-length: 4\r\nContent-Length: 3\r\n\r\nabc"])
@example([b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
@example([b"GET /now HTTP/1.1\r\nHost: x\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"])
@example([b"GET /now HTTP/1.1\r\nHost: x\r\n", b"\r\n", GET])
def test_it_is_answered_as_aiohttp_would(pieces: list[bytes]) -> None:
    async def both() -> None:
        assert await _said(pieces, ours=True) == await _said(pieces, ours=False)

    asyncio.run(both())


async def test_ordinary_requests_are_read_without_aiohttp() -> None:
    ends = _Ends()
    sent = b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
    for piece in (GET, WAIT.replace(b"wait", b"slow"), sent % (3, b"abc"), sent % (0, b""), sent % (4, b"abcd"), GET):
        ends.protocol.data_received(piece)
        await ends.rest()
    assert (ends.protocol._lent, ends.connections.requests_count) == (False, 0)
    assert (await ends.end()).count(b"HTTP/1.1 200 OK") == 6


async def test_what_is_answered_at_once_is_written_at_once() -> None:
    ends = _Ends()
    ends.protocol.data_received(GET)
    assert ends.transport.written.startswith(b"HTTP/1.1 200 OK\r\n")
    await ends.end()


async def test_the_rest_of_a_body_is_waited_for_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "_PATIENCE_SECONDS", 60)
    ends = _Ends()
    for piece in (b"PUT /later HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab", b"c", b"d", b"ef"):
        assert not ends.transport.written
        ends.protocol.data_received(piece)
        await ends.rest()
    assert b"b'abcdef'" in ends.transport.written
    assert (ends.protocol._lent, ends.protocol._patience) == (False, None)
    await ends.end()


@pytest.mark.parametrize("size_bytes", [6, 200_000])
async def test_a_slow_or_large_request_is_aiohttps_and_those_after_it_are_ours(size_bytes: int) -> None:
    ends = _Ends()
    head = b"PUT /later HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size_bytes
    for piece in (head, b"a", b"b" * (size_bytes - 2), b"c"):
        ends.protocol.data_received(piece)
        await ends.rest()
    assert ends.protocol._lent
    ends.protocol.data_received(GET)
    assert not ends.protocol._lent
    assert ends.connections.requests_count == 1
    assert (await ends.end()).count(b"HTTP/1.1 200 OK") == 2


async def test_what_follows_a_request_waits_for_its_answer_and_not_without_bound() -> None:
    ends = _Ends()
    ends.protocol.data_received(WAIT)
    ends.protocol.data_received(GET)
    await ends.rest()
    assert (ends.transport.written, ends.transport.reads) == (b"", True)
    ends.protocol.data_received(b"GET /large HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000)
    assert not ends.transport.reads
    ends.echo.waited.set_result(None)
    await ends.rest()
    assert ends.transport.reads
    written = await ends.end()
    assert re.findall(rb"'GET', '(/\w+)'", written) == [b"/wait", b"/now", b"/large"]


async def test_a_client_that_does_not_read_is_not_written_to() -> None:
    ends = _Ends()
    ends.protocol.pause_writing()
    ends.protocol.data_received(GET)
    ends.protocol.data_received(GET)
    await ends.rest()
    assert not ends.transport.written
    ends.protocol.resume_writing()
    assert (await ends.end()).count(b"HTTP/1.1 200 OK") == 2


async def test_work_goes_on_when_the_client_has_left() -> None:
    ends = _Ends()
    ends.protocol.data_received(WAIT)
    await ends.rest()
    await ends.end()
    assert ends.echo.ended == []
    ends.echo.waited.set_result(None)
    await ends.rest()
    assert (ends.echo.ended, ends.transport.written, ends.protocol._task) == (["answered"], b"", None)


async def test_the_end_of_the_server_waits_for_what_is_under_way() -> None:
    ends = _Ends()
    ends.protocol.data_received(WAIT)
    await ends.rest()
    ends.connections.pre_shutdown()
    stopping = asyncio.create_task(ends.connections.shutdown(5))
    await ends.rest()
    assert not stopping.done()
    ends.protocol.data_received(GET)
    ends.echo.waited.set_result(None)
    await stopping
    assert ends.transport.closed
    assert (await ends.end()).count(b"HTTP/1.1 200 OK") == 1


async def test_the_end_of_the_server_does_not_wait_forever() -> None:
    ends = _Ends()
    ends.protocol.data_received(WAIT)
    await ends.rest()
    ends.connections.pre_shutdown()
    await ends.connections.shutdown(0.01)
    await ends.rest()
    assert (ends.echo.ended, ends.transport.closed) == (["cancelled"], True)


async def test_an_idle_connection_ends_and_a_busy_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_KEEPALIVE_SECONDS", 0.02)
    busy, idle = _Ends(), _Ends()
    busy.protocol.data_received(WAIT)
    idle.protocol.data_received(GET)
    await waiting.until(lambda: idle.transport.closed, timeout_seconds=5, what="the end of the idle connection")
    assert not busy.transport.closed
    busy.echo.waited.set_result(None)
    await waiting.until(lambda: busy.transport.closed, timeout_seconds=5, what="the end of the other")
    assert busy.transport.written
    await busy.rest()


async def test_only_a_silent_connection_is_let_go() -> None:
    silent, spoke = _Ends(head_seconds=0.02), _Ends(head_seconds=0.02)
    spoke.protocol.data_received(GET)
    await waiting.until(lambda: silent.transport.closed, timeout_seconds=5, what="the end of the silent one")
    assert not spoke.transport.closed
    await spoke.end()


async def test_a_request_knows_as_much_as_aiohttps() -> None:
    sent = b"PATCH /a/%7Eb?c=d&c HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc"
    seen: list[Any] = []
    for ours in (True, False):
        ends = _Ends(ours=ours)

        async def handle(http: request.Http) -> web.StreamResponse:
            full = request.full(http)
            told = [full.method, full.raw_path, full.path, full.rel_url, full.version, full.keep_alive, full.query]
            told += [sorted(full.headers.items()), full.headers.getall("X-A"), await full.read(), full.content_length]
            told += [sorted(full._message.raw_headers), full.can_read_body, full.body_exists, full.content.is_eof()]
            seen.append([*told, repr(full._message._replace(headers=None, raw_headers=None)), full.get_extra_info("x")])
            return answer.Answer(b"ok", code=200, media="text/plain")

        ends.echo.handle = ends.protocol._request_handler = handle
        ends.protocol.data_received(sent)
        await ends.end()
    assert seen[0] == seen[1]
