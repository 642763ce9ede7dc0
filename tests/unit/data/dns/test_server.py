"""The server over real sockets: UDP, TCP, truncation, forwarding, garbage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.data.dns import forward, server, wire
from bascule.data.dns.zone import Zone


def service(name: str, address: str) -> dict[str, object]:
    return {"metadata": {"namespace": "a", "name": name}, "spec": {"clusterIP": address, "ports": []}}


def many_endpoints(count: int) -> tuple[dict[str, object], dict[str, object]]:
    slices = {
        "metadata": {"namespace": "a", "name": "m", "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"10.2.{i // 250}.{i % 250}"]} for i in range(count)],
    }
    return {"metadata": {"namespace": "a", "name": "many"}, "spec": {"clusterIP": "None"}}, slices


@pytest.fixture
async def answering() -> AsyncIterator[tuple[server.Server, int]]:
    headless, slices = many_endpoints(200)
    zone = Zone("cluster.local", [service("web", "10.96.0.5"), headless], [slices])
    async with server.Server(zone, forward.Forwarder([])) as running:
        yield running, await running.start("127.0.0.1", 0)


async def ask(name: str, port: int, *, tcp: bool = False, type_: str = "A") -> dnslib.DNSRecord:
    question = dnslib.DNSRecord.question(name, type_)
    packed = question.pack()
    if not tcp:
        return dnslib.DNSRecord.parse(await forward.Forwarder([f"127.0.0.1:{port}"]).ask(packed))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(len(packed).to_bytes(2, "big") + packed)
    size = int.from_bytes(await reader.readexactly(2), "big")
    answer = await reader.readexactly(size)
    writer.close()
    return dnslib.DNSRecord.parse(answer)


async def test_a_service_is_answered_over_both_transports_and_from_the_cache(
    answering: tuple[server.Server, int],
) -> None:
    _, port = answering
    for tcp in (False, True, False):
        reply = await ask("web.a.svc.cluster.local", port, tcp=tcp)
        assert [str(rr.rdata) for rr in reply.rr] == ["10.96.0.5"]
        assert reply.header.aa == 1


async def test_new_zone_new_answer(answering: tuple[server.Server, int]) -> None:
    running, port = answering
    await ask("web.a.svc.cluster.local", port)
    running.replace_zone(Zone("cluster.local", [service("web", "10.96.0.6")]))
    reply = await ask("web.a.svc.cluster.local", port)
    assert [str(rr.rdata) for rr in reply.rr] == ["10.96.0.6"]


async def test_an_absent_name_is_denied_with_its_authority(answering: tuple[server.Server, int]) -> None:
    reply = await ask("gone.a.svc.cluster.local", answering[1])
    assert reply.header.rcode == dnslib.RCODE.NXDOMAIN
    assert reply.auth


async def test_what_does_not_fit_a_packet_is_marked_and_comes_whole_over_tcp(
    answering: tuple[server.Server, int],
) -> None:
    short = await ask("many.a.svc.cluster.local", answering[1])
    assert short.header.tc == 1
    whole = await ask("many.a.svc.cluster.local", answering[1], tcp=True)
    assert len(whole.rr) == 200


async def test_other_names_go_to_the_resolvers(answering: tuple[server.Server, int]) -> None:
    _, behind = answering
    async with server.Server(Zone("other.local"), forward.Forwarder([f"127.0.0.1:{behind}"])) as front:
        port = await front.start("127.0.0.1", 0)
        reply = await ask("web.a.svc.cluster.local", port)
        assert [str(rr.rdata) for rr in reply.rr] == ["10.96.0.5"]


async def test_no_resolver_is_a_failure_and_not_silence(answering: tuple[server.Server, int]) -> None:
    reply = await ask("example.com", answering[1])
    assert reply.header.rcode == dnslib.RCODE.SERVFAIL


@given(st.binary(min_size=wire.HEADER_BYTES, max_size=80))
def test_garbage_is_answered_with_an_error_or_forwarded_and_never_raises(query: bytes) -> None:
    running = server.Server(Zone("cluster.local"), forward.Forwarder([]))
    answer = running.answer_now(query)
    assert answer is None or answer[:2] == query[:2]


def test_system_resolvers_leave_ourselves_out(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "resolv.conf"
    path.write_text("search a b\nnameserver 10.96.0.10\nnameserver 192.0.2.1\n")
    assert forward.system_resolvers(path, but_not=frozenset({"10.96.0.10"})) == ["192.0.2.1"]
    assert forward.system_resolvers(tmp_path / "none") == []
