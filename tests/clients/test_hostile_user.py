"""A server process under one hostile user's definitions, tokens and lists: alive, small, and nothing lost or told."""

import base64
import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests import waiting
from tests.clients import admin

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

GROWTH_MAX_BYTES = 64 * 1024 * 1024
MAPS = "/api/v1/namespaces/default/configmaps"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OBJECTS = "/apis/hostile.example.com/v1/namespaces/default"
SECRET = "what-nobody-else-may-read"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl"
ITEMS = [f"a-text-of-some-length-{number}" for number in range(150)]
RULES = [{"rule": "self.all(a, self.all(b, a == b || a != b))", "message": f"m{n}"} for n in range(4)]
TEXTS = {"type": "array", "maxItems": 150, "items": {"type": "string", "maxLength": 30}}


def _definition(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": f"{kind.lower()}s", "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.hostile.example.com"},
        "spec": {"group": "hostile.example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


DEFINITIONS = {
    "Costly": ({"l": {**TEXTS, "x-kubernetes-validations": RULES}}, {"l": ITEMS}, 201),
    "Matched": ({"a": {"type": "string", "pattern": "[a-z]{900}" * 20}}, {"a": "x" * 1_000_000}, 422),
    "Swelling": (
        {
            "l": {
                "type": "array",
                "items": {"type": "object", "properties": {"a": {"type": "string", "default": "x" * 500_000}}},
            }
        },
        {"l": [{}] * 15_000},
        413,
    ),
    "Ruled": (
        {f"a{n}": {"type": "integer", "x-kubernetes-validations": [{"rule": f"self != {n}"}]} for n in range(1_000)},
        {"a1": 2},
        201,
    ),
}


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[admin.Client, int, Path]]:
    folder = tmp_path_factory.mktemp("hostile-user")
    with admin.serving(folder / "data", folder / "log") as (client, pid):
        for name in ("a", "b", "c"):
            assert client.ask("POST", MAPS, {"metadata": {"name": name}, "data": {"kept": name}})[0] == 201
        other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}
        assert client.ask("POST", "/api/v1/namespaces", other)[0] == 201
        secret = {"metadata": {"name": "s"}, "stringData": {"key": SECRET}}
        assert client.ask("POST", "/api/v1/namespaces/other/secrets", secret)[0] == 201
        yield client, pid, folder / "log"
        # After all of it: alive, everything that was acknowledged is there, and nobody was told what they should not.
        kept = {one["metadata"]["name"]: one.get("data") for one in client.ask("GET", MAPS)[1]["items"]}
        assert {name: kept[name] for name in "abc"} == {name: {"kept": name} for name in "abc"}
        written = (folder / "log").read_text()
        for hidden in ("unexpected failure", "Traceback", SECRET, TOKEN, "PRIVATE KEY", "\x1b"):
            assert hidden not in written


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_definitions(server: tuple[admin.Client, int, Path], kind: str) -> None:
    client, pid, log = server
    properties, spec, code = DEFINITIONS[kind]
    before = _resident_bytes(pid)
    assert client.ask("POST", CRDS, _definition(kind, properties))[0] == 201
    path = f"{OBJECTS}/{kind.lower()}s"
    waiting.until_sync(lambda: client.ask("GET", path)[0] == 200, timeout_seconds=10, what="the definition's objects")
    obj = {"apiVersion": "hostile.example.com/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    answers: list[tuple[int, Any]] = []
    host = admin.Client(log.parent / "data", client.address)
    asking = threading.Thread(target=lambda: answers.append(host.ask("POST", path, obj)))
    asking.start()
    longest = 0.0
    while asking.is_alive():
        started = time.monotonic()
        assert client.ask("GET", f"{MAPS}/a")[0] == 200
        longest = max(longest, time.monotonic() - started)
    asking.join()
    host.close()
    ((found, status),) = answers
    assert found == code, status
    assert "Traceback" not in orjson.dumps(status).decode()
    assert longest < 2, "others waited for it"
    assert _resident_bytes(pid) - before < GROWTH_MAX_BYTES


def _token(revision: int, start: str) -> str:
    text = orjson.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": f"{start}\x00"})
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "start",
    ["root/other/a", "root/other/s", "other/default/z", "a/default/m", "*/x/y", "root//", "~/~/~", "root/default/a"],
)
def test_a_forged_token_leads_nowhere_else(server: tuple[admin.Client, int, Path], start: str) -> None:
    client, _, _ = server
    revision = int(client.ask("GET", MAPS)[1]["metadata"]["resourceVersion"])
    for revision_asked in (revision, -1):
        code, page = client.ask("GET", f"{MAPS}?limit=5&continue={_token(revision_asked, start)}")
        assert code in (200, 400, 410), page
        for one in page.get("items") or []:
            assert one["metadata"]["namespace"] == "default"
            assert "data" not in one or one["metadata"]["name"] in ("a", "b", "c", "kube-root-ca.crt")


def test_a_token_beyond_time_is_refused(server: tuple[admin.Client, int, Path]) -> None:
    client, _, _ = server
    for revision in (0, 1 << 62, 1 << 63, 10**30, -(10**30)):
        assert client.ask("GET", f"{MAPS}?limit=1&continue={_token_of(revision)}")[0] in (400, 410, 504)
    newest = client.ask("GET", f"{MAPS}?limit=1&continue={_token_of(-2)}")  # As upstream: no revision is any.
    assert newest[0] == 200
    assert int(newest[1]["metadata"]["resourceVersion"]) > 0


def _token_of(revision: int) -> str:
    text = b'{"v":"meta.k8s.io/v1","rv":%d,"start":"root/default/a\\u0000"}' % revision
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_lists_by_ever_new_selectors_leave_nothing_behind(server: tuple[admin.Client, int, Path]) -> None:
    client, pid, _ = server
    before = _resident_bytes(pid)
    for number in range(2_000):
        selectors = f"labelSelector=a{number}%3Db&fieldSelector=metadata.name%3Dx{number}"
        assert client.ask("GET", f"{MAPS}?{selectors}")[1]["items"] == []
    assert _resident_bytes(pid) - before < 8 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_compressed_bodies_are_no_bombs(server: tuple[admin.Client, int, Path], encoding: str) -> None:
    client, pid, _ = server
    content = bytes(100 * 1024 * 1024)
    body = zlib.compress(content) if encoding == "deflate" else gzip.compress(content, 1)
    before = _resident_bytes(pid)
    code, status = client.ask("POST", MAPS, body, Content_Encoding=encoding, Authorization=f"Bearer {TOKEN}")
    assert (code in (400, 413, 415), status["kind"]) == (True, "Status")
    assert _resident_bytes(pid) - before < GROWTH_MAX_BYTES
    client.close()
