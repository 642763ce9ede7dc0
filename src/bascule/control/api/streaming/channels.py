"""The WebSocket protocols of exec and attach: a message begins with its channel. Pure.

0 stdin, 1 stdout, 2 stderr, 3 the final status, 4 a terminal's size, and in v5 255 for the end of the channel it names.
Within the platform it is v5; older protocols have no end of a channel, those before v4 a bare text for the status, and
the base64 ones a digit for the channel and text messages.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import orjson

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5: Final = "v5.channel.k8s.io"
PROTOCOLS: Final = (
    V5,
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
SPDY_PROTOCOLS: Final = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")


def chosen(offered: list[str], served: tuple[str, ...]) -> str | None:
    """The first of what the client offers that is served; None where there is none."""
    return next((protocol for protocol in offered if protocol in served), None)


def from_client(message: bytes | str, protocol: str) -> bytes | None:
    """The platform's message for the client's; None for one that means nothing."""
    if "base64" in protocol:
        raw = message if isinstance(message, bytes) else message.encode()
        try:
            decoded = base64.b64decode(raw[1:], validate=True)
        except binascii.Error:
            return None
        return bytes([raw[0] - ord("0")]) + decoded if raw[:1] in (b"0", b"4") else None
    raw = message if isinstance(message, bytes) else message.encode()
    if raw[:1] in (b"\x00", b"\x04") or (protocol == V5 and raw[:1] == b"\xff"):
        return raw
    return None


def to_client(message: bytes, protocol: str) -> bytes | str | None:
    """The client's message for the platform's: text in base64 protocols; None for what the client cannot be told."""
    if message[:1] == b"\xff":
        return message if protocol == V5 else None
    if message[:1] == b"\x03" and is_plain(protocol):
        text = plain_status(message[1:])
        if text is None:
            return None
        message = b"\x03" + text
    if "base64" in protocol:
        return chr(ord("0") + message[0]) + base64.b64encode(message[1:]).decode()
    return message


def is_plain(protocol: str) -> bool:
    """Whether the protocol's final status is a text, and only where something failed."""
    return not protocol.startswith(("v4.", "v5."))


def plain_status(status: bytes) -> bytes | None:
    """What a status says to clients that cannot read one; None for success."""
    try:
        decoded = orjson.loads(status)
    except orjson.JSONDecodeError:
        return status
    if not isinstance(decoded, dict) or decoded.get("status") == "Success":
        return None
    return str(decoded.get("message", "")).encode()
