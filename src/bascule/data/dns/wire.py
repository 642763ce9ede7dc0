"""Queries and answers as bytes (RFC 1035). dnslib does the format; here is what we put into it.

Answers are cached by the question's bytes as long as a zone lasts: the hot path patches an id into stored bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import dnslib

from bascule.data.dns.zone import Record, Type, Zone

TTL_SECONDS = 5
"""Short, because endpoints move; upstream's CoreDNS default for cluster names is 5 s too."""

HEADER_BYTES = 12
UDP_BYTES_MAX = 1232
"""What fits one packet on every usual link; longer answers are cut and asked for again over TCP."""

CACHE_ENTRIES_MAX = 10_000


class Question(NamedTuple):
    """The one question of a query: lower-case name without final dot, type, class 1 (IN)."""

    name: str
    type: int


def parse(query: bytes) -> dnslib.DNSRecord:
    """Raises dnslib.DNSError (and ValueError kin) for what is no query with exactly one question."""
    record = dnslib.DNSRecord.parse(query)
    if record.header.qr or record.header.opcode != 0 or len(record.questions) != 1:
        raise dnslib.DNSError("not a standard query with one question")
    return record


def question_of(record: dnslib.DNSRecord) -> Question:
    return Question(str(record.q.qname).rstrip(".").lower(), record.q.qtype)


def refusal(query: bytes, code: int) -> bytes:
    """The query's id and question with an error code (RFC 1035, 4.1.1): 1 format, 2 failure, 5 refused."""
    flags = ((query[2] | 0x80) << 8) | (0x80 | code) if len(query) > 3 else 0x8080 | code
    return query[:2].ljust(2, b"\0") + flags.to_bytes(2, "big") + b"\0" * 8


class Answers:
    """Answers from one zone, remembered by question."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._stored: dict[bytes, bytes] = {}

    def stored(self, query: bytes) -> bytes | None:
        """The answer to a query whose bytes, its id apart, were answered before."""
        rest = self._stored.get(query[2:])
        return None if rest is None else query[:2] + rest

    def answer(self, query: bytes, record: dnslib.DNSRecord, question: Question) -> bytes:
        """The authoritative answer for a name the zone owns."""
        found = self.zone.look_up(question.name, question.type)
        reply = record.reply(ra=1, aa=1)
        reply.rr.clear()
        if not found.exists:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        for item in found.records:
            reply.add_answer(_resource(record.q.qname, item))
        if not found.records:
            reply.add_auth(_authority(self.zone.domain))
        packed = bytes(reply.pack())
        if len(self._stored) < CACHE_ENTRIES_MAX:
            self._stored[query[2:]] = packed[2:]
        return packed


def _resource(name: dnslib.DNSLabel, record: Record) -> dnslib.RR:
    data = record.data
    if isinstance(data, tuple):
        value = dnslib.SRV(data[0], data[1], data[2], data[3])
    else:
        value = {Type.A: dnslib.A, Type.CNAME: dnslib.CNAME, Type.PTR: dnslib.PTR}[record.type](data)
    return dnslib.RR(name, int(record.type), rdata=value, ttl=TTL_SECONDS)


def _authority(domain: str) -> dnslib.RR:
    """The SOA that tells resolvers how long to remember an absence."""
    times = (1, 7200, 1800, 86400, TTL_SECONDS)
    return dnslib.RR(
        domain, dnslib.QTYPE.SOA, rdata=dnslib.SOA(f"ns.dns.{domain}", f"hostmaster.{domain}", times), ttl=TTL_SECONDS
    )


def fitted(answer: bytes, limit_bytes: int = UDP_BYTES_MAX) -> bytes:
    """The answer, or its header and a truncation mark where it is too long for one packet."""
    if len(answer) <= limit_bytes:
        return answer
    reply = dnslib.DNSRecord.parse(answer)
    reply.header.tc = 1
    reply.rr, reply.auth, reply.ar = [], [], []
    return bytes(reply.pack())
