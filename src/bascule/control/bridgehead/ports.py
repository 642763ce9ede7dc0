"""Two ports in a row: where nodes dial, and beside it where they join."""

from __future__ import annotations

import socket
from typing import Final

_ATTEMPTS: Final = 16


def paired(bind: str) -> str:
    """ "address:port", where port 0 is made one that is free and whose next is free; any other stays what it is.

    Nobody keeps the ports until they are bound. OSError when the address is not ours.
    """
    host, _, port = bind.rpartition(":")
    if int(port):
        return bind
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = 0
    for _ in range(_ATTEMPTS):
        with socket.socket(family) as first, socket.socket(family) as second:
            first.bind((host.strip("[]"), 0))
            found = first.getsockname()[1]
            try:
                second.bind((host.strip("[]"), found + 1))
            except (OSError, OverflowError):
                continue
            break
    return f"{host}:{found}"
