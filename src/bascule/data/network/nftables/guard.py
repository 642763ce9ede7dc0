"""Hears of every change to the kernel's nftables, so that ours can be put back when someone else takes them away.

A raw netlink subscription (group NFNLGRP_NFTABLES of linux/netfilter/nfnetlink.h), because polling would cost a process
each second for nothing. It tells *that* another process committed something, not what: the engine then re-asserts.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NFT_MSG_NEWGEN = (10 << 8) | 15
NFTA_GEN_PROC_PID = 2
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NFGENMSG_BYTES = 4


def committers(datagram: bytes) -> Iterator[int]:
    """The process ids named in the generation messages of one netlink datagram."""
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, _, _, _ = _HEADER.unpack_from(datagram, offset)
        if length < _HEADER.size:
            return
        if kind == NFT_MSG_NEWGEN:
            yield from _process_ids(datagram[offset + _HEADER.size + _NFGENMSG_BYTES : offset + length])
        offset += (length + 3) & ~3


def _process_ids(attributes: bytes) -> Iterator[int]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, offset)
        if length < _ATTRIBUTE.size:
            return
        if kind & 0x3FFF == NFTA_GEN_PROC_PID and length == _ATTRIBUTE.size + 4:
            yield int.from_bytes(attributes[offset + _ATTRIBUTE.size : offset + length], "big")
        offset += (length + 3) & ~3


class Guard:
    """An open subscription; ``changed`` waits for a commit by a process that is not among our own."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        self._socket.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))

    async def changed(self, own_process_ids: set[int]) -> None:
        """Returns after someone else's commit, or when messages were lost and something may have happened."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                datagram = await loop.sock_recv(self._socket, 1 << 20)
            except OSError:  # ENOBUFS: the kernel dropped messages, so look
                return
            for process_id in committers(datagram):
                if process_id not in own_process_ids:
                    return

    def close(self) -> None:
        self._socket.close()
