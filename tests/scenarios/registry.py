"""A registry of one process's own: the OCI distribution API, as much as a pull needs, on loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Registry:
    """`manifests`: digests by `name:tag`; `accounts`: user:password by repository; `asked`: every request."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def offer(self, name: str, archive: Path, *, account: str = "") -> str:
        """The image's full name. `account` is user:password."""
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                file = tar.extractfile(member)
                if file is not None and member.name.startswith("blobs/"):
                    self.blobs["sha256:" + member.name.rpartition("/")[2]] = file.read()
            index = tar.extractfile("index.json")
            assert index is not None
            (described,) = json.load(index)["manifests"]
        self.manifests[name] = described["digest"]
        if account:
            self.accounts[name.partition(":")[0]] = account
        return f"127.0.0.1:{self.port}/{name}"


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def answer(self, code: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
            self.send_response(code)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            registry.asked.append(f"{self.command} {self.path}")
            path = self.path.partition("?")[0].removeprefix("/v2/")
            repository, _, rest = path.partition("/manifests/") if "/manifests/" in path else path.partition("/blobs/")
            account = registry.accounts.get(repository)
            word = "Basic " + base64.b64encode((account or "").encode()).decode()
            if account and self.headers.get("Authorization") != word:
                errors = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
                self.answer(401, errors.encode(), WWW_Authenticate='Basic realm="test"')
                return
            digest = registry.manifests.get(f"{repository}:{rest}", rest)
            body = registry.blobs.get(digest)
            if body is None:
                errors = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]})
                self.answer(404, errors.encode())
                return
            kind = "application/octet-stream"
            if "/manifests/" in path:
                kind = json.loads(body)["mediaType"]
            self.answer(200, body, kind, Docker_Content_Digest=digest)

        do_HEAD = do_GET

    return Handler


@contextlib.contextmanager
def serving() -> Iterator[Registry]:
    registry = Registry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(registry))
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
