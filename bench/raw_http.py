"""aiohttp by itself, answering every request with the same bytes over TLS: what no server made of it can undercut.

``python -m bench.raw_http --certificate FILE --key FILE --size BYTES`` prints its address when it is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from pathlib import Path

import uvloop
from aiohttp import web


async def serve(context: ssl.SSLContext, body: bytes) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    address = "{}:{}".format(*runner.addresses[0][:2])
    print(json.dumps({"ready": "raw_http", "address": address}), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--size", type=int, default=1500, help="bytes in an answer")
    options = parser.parse_args()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.certificate, options.key)
    uvloop.run(serve(context, b"x" * options.size))


if __name__ == "__main__":
    main()
