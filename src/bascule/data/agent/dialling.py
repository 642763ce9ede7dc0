"""A TCP connection to a port of a pod: by its address, or by the loopback of its own network where that is allowed."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading

from bascule.data.runtime import contract

CLONE_NEWNET = 0x40000000

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(address: str, port: int) -> Connection:
    """OSError where nothing listens."""
    return await asyncio.open_connection(address, port)


async def dial_inside(runtime: contract.Runtime, run: contract.Container, address: str, port: int) -> Connection:
    """As `dial`, but reaches too what listens to the pod's loopback alone: a container's network of its own is entered.

    The node's own loopback is never meant: a container without a network of its own has its address only.
    """
    try:
        return await dial(address, port)
    except ConnectionRefusedError:
        process = await runtime.network_process(run.id)
        if process is None or _is_ours(process):
            raise
        entered = await _socket_of(process)
        try:
            await asyncio.get_running_loop().sock_connect(entered, ("127.0.0.1", port))
            return await asyncio.open_connection(sock=entered)
        except BaseException:
            entered.close()
            raise


def _is_ours(process: int) -> bool:
    return os.stat(f"/proc/{process}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino


async def _socket_of(process: int) -> socket.socket:
    """A socket made in the network of a process: there it stays, whoever uses it."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[socket.socket] = loop.create_future()

    def make() -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/proc/{process}/ns/net", "rb") as network:
                if libc.setns(network.fileno(), CLONE_NEWNET):
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            entered = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            entered.setblocking(False)
        except OSError as error:
            loop.call_soon_threadsafe(made.set_exception, error)
        else:
            loop.call_soon_threadsafe(made.set_result, entered)

    # A thread of its own, that ends in the other network: none of ours is ever in it again.
    thread = threading.Thread(target=make, name="entering a pod's network")
    thread.start()
    try:
        return await asyncio.shield(made)
    finally:
        thread.join()
