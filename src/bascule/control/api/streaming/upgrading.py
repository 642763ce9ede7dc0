"""What a client wants to speak after its upgrade, and the first answer in that protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from bascule.control.api.streaming import channels, pipe
from bascule.vocabulary import errors

PING_SECONDS: Final = 5.0
MESSAGE_MAX_BYTES: Final = 4 * 1024 * 1024
_VERSION: Final = "X-Stream-Protocol-Version"


def kind(http: web.BaseRequest) -> str:
    """`websocket` or `spdy`; 400 for a request that is neither."""
    words = [word.strip().lower() for word in http.headers.get("Connection", "").split(",")]
    wanted = http.headers.get("Upgrade", "").lower()
    if "upgrade" in words and wanted == "websocket":
        return "websocket"
    if "upgrade" in words and wanted == "spdy/3.1":
        return "spdy"
    raise errors.bad_request("Upgrade request required")


def chosen(http: web.BaseRequest, served: tuple[str, ...], *, spdy: bool = False) -> str:
    """The protocol both know; `""` where a WebSocket names none. 403 where there is none, as upstream."""
    header = _VERSION if spdy else "Sec-WebSocket-Protocol"
    offered = [part.strip() for line in http.headers.getall(header, []) for part in line.split(",") if part.strip()]
    if not offered:
        if spdy:
            raise errors.bad_request(f"unable to upgrade: {_VERSION} is required")
        return ""
    found = channels.chosen(offered, served)
    if found is None:
        text = f"client supports [{' '.join(offered)}], server supports [{' '.join(served)}]"
        raise errors.StatusError(403, "Forbidden", f"unable to upgrade: unable to negotiate protocol: {text}")
    return found


async def spdy(http: web.BaseRequest, protocol: str) -> pipe.Upgraded:
    """The connection, on which SPDY may begin."""
    answer = pipe.Upgraded(http)
    await answer.begin({"Connection": "Upgrade", "Upgrade": "SPDY/3.1", _VERSION: protocol})
    return answer


@asynccontextmanager
async def websocket(http: web.BaseRequest, protocol: str) -> AsyncIterator[web.WebSocketResponse]:
    """An open WebSocket, pinged every five seconds; closed properly at the end."""
    answer = web.WebSocketResponse(
        protocols=(protocol,) if protocol else (), max_msg_size=MESSAGE_MAX_BYTES, compress=False
    )
    try:
        await answer.prepare(http)
    except web.HTTPException as error:
        raise errors.bad_request("the request is no WebSocket upgrade") from error
    pinging = asyncio.create_task(_ping(answer))
    try:
        yield answer
    finally:
        pinging.cancel()
        await asyncio.gather(pinging, return_exceptions=True)
        await answer.close()


async def _ping(socket: web.WebSocketResponse) -> None:
    """No answer is demanded: a client that reads only now and then is not gone."""
    while True:
        await asyncio.sleep(PING_SECONDS)
        await socket.ping()
