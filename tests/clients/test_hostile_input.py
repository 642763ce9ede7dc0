"""What no server may stumble over, sent to a server process: the right refusal, soon and cheaply, and on it goes."""

import gzip
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from tests import waiting
from tests.clients import admin

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

GROWTH_MAX_BYTES = 64 * 1024 * 1024
SECONDS_MAX = 5.0
"""Far more than any takes, as a machine under test is busy; what hangs takes longer."""
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
CRON_JOBS = "/apis/batch/v1/namespaces/default/cronjobs"
YAML, APPLY, JSON_PATCH = "application/yaml", "application/apply-patch+yaml", "application/json-patch+json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
STRATEGIC = "application/strategic-merge-patch+json"
SECRET = "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl"


class Case(NamedTuple):
    codes: tuple[int, ...]
    method: str
    path: str
    body: Callable[[], Any] = lambda: None
    media: str = "application/json"
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def _map(**more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, **more}


def _raw(metadata: bytes) -> bytes:
    return b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{' + metadata + b"}}"


def _aliases() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(lines).encode()


def _copies() -> list[dict[str, Any]]:
    """Each copy doubles what there is."""
    grown = [{"op": "add", "path": "/data/a", "value": "x" * 1000}, {"op": "add", "path": "/x", "value": ["x" * 1000]}]
    return grown + [{"op": "copy", "from": "/x", "path": f"/x/{n}"} for n in range(40)]


def _pod(**container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i", **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


def _cron(schedule: str) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    spec = {"schedule": schedule, "jobTemplate": {"spec": {"template": template}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x"}, "spec": spec}


def _field(number: int) -> dict[str, Any]:
    return {"type": "object", "default": {"a": number}, "properties": {"a": {"type": "integer"}}}


def _definition(fields: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Of as many fields as it has, each with a default to be checked."""
    spec = {"type": "object", "properties": {f"field{n}": field for n, field in enumerate(fields)}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "larges.hostile.example.com"},
        "spec": {
            "group": "hostile.example.com",
            "scope": "Namespaced",
            "names": {"plural": "larges", "kind": "Large"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def _chunks(total_bytes: int) -> Iterator[bytes]:
    for _ in range(total_bytes // 65536):
        yield b"x" * 65536


def _bomb() -> bytes:
    return gzip.compress(bytes(96 * 1024 * 1024), 1)


GZIP = {"Content-Encoding": "gzip"}
ESCAPES = {"name": "\x1b[2Jgone", "labels": {"\x1b]0;a": "\x07"}}
LONG = "a" * 1_000_000 + "!"
DIGITS = b"9" * 10_000
MANAGER = {"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}
TEST = {"op": "test", "path": "/data/a", "value": "b"}
FORGED = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTIyMzM3MjAzNjg1NDc3NTgwNywic3RhcnQiOiJcdTAwMDAifQ"

CASES = {
    "alias bomb": Case((400,), "POST", MAPS, _aliases, YAML),
    "alias bomb applied": Case((400,), "PATCH", f"{MAPS}/x?fieldManager=m", _aliases, APPLY),
    "huge scalar": Case((422,), "POST", MAPS, lambda: b"kind: ConfigMap\nmetadata:\n  name: " + b"a" * 3_000_000, YAML),
    "deep json": Case((400,), "POST", MAPS, lambda: b"[" * 100_000 + b"]" * 100_000),
    "deep objects": Case((400,), "POST", MAPS, lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep and open": Case((400,), "POST", MAPS, lambda: b"[" * 3_000_000),
    "deep yaml": Case((400,), "POST", MAPS, lambda: b"[" * 100_000 + b"]" * 100_000, YAML),
    "deep block yaml": Case((400,), "POST", MAPS, lambda: b"".join(b" " * n + b"a:\n" for n in range(1500)), YAML),
    "deep patch": Case((400, 404), "PATCH", f"{MAPS}/x", lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, STRATEGIC),
    "keys twice": Case((400,), "POST", f"{MAPS}?fieldValidation=Strict", lambda: _raw(b'"name":"x","name":"y"')),
    "not a number": Case((400,), "POST", MAPS, lambda: _raw(b'"name":NaN')),
    "infinite": Case((400,), "POST", MAPS, lambda: _raw(b'"name":"x","generation":1e999')),
    "infinite yaml": Case((400,), "POST", MAPS, lambda: b"kind: ConfigMap\nmetadata: {generation: .inf}", YAML),
    "long integer": Case((400,), "POST", MAPS, lambda: _raw(b'"name":"x","generation":' + DIGITS)),
    "long integer in yaml": Case(
        (400,), "POST", MAPS, lambda: b"kind: ConfigMap\nmetadata: {name: x, generation: " + DIGITS + b"}", YAML
    ),
    "sexagesimal": Case(
        (400,), "POST", MAPS, lambda: b"kind: ConfigMap\nmetadata: {name: x, generation: " + b"1:" * 9999 + b"1}", YAML
    ),
    "patches": Case(
        (400, 413, 422),
        "PATCH",
        f"{MAPS}/there",
        lambda: [TEST] * 10_001,
        JSON_PATCH,
    ),
    "copies": Case((400, 413, 422), "PATCH", f"{MAPS}/there", _copies, JSON_PATCH),
    "managers": Case(
        (400, 413, 422), "POST", MAPS, lambda: _map(metadata={"name": "x", "managedFields": [MANAGER] * 100_000})
    ),
    "owners": Case((413, 422), "POST", MAPS, lambda: _map(metadata={"name": "x", "ownerReferences": [{}] * 300_000})),
    "finalizers": Case((413, 422), "POST", MAPS, lambda: _map(metadata={"name": "x", "finalizers": ["a"] * 300_000})),
    "body too large": Case((413,), "POST", MAPS, lambda: b"x" * (3 * 1024 * 1024 + 1)),
    "chunks without end": Case((413,), "POST", MAPS, lambda: _chunks(8 * 1024 * 1024)),
    "gzip bomb": Case(
        (400, 413, 415),
        "POST",
        MAPS,
        lambda: gzip.compress(b"x" * 256 * 1024 * 1024),
        headers=GZIP,
    ),
    "not gzip": Case((400, 415), "POST", MAPS, lambda: b"x" * 1000, headers=GZIP),
    "parent path": Case((400, 404), "GET", f"{MAPS}/..%2f..%2fsecrets"),
    "NUL": Case((400, 404), "GET", f"{MAPS}/a%00b"),
    "no utf-8": Case((400, 404), "GET", f"{MAPS}/%ff%fe"),
    "cluster-scoped in a namespace": Case((404,), "GET", "/api/v1/namespaces/default/nodes"),
    "a long path": Case((404, 431), "GET", "/api/v1/" + "a/" * 10_000),
    "limit": Case((200, 400), "GET", f"{MAPS}?limit=-1"),
    "forged continue": Case((400, 410), "GET", f"{MAPS}?limit=1&continue={FORGED}"),
    "continue of nothing": Case((400,), "GET", f"{MAPS}?limit=1&continue=%00%00"),
    "version beyond int64": Case((400, 422), "GET", f"{MAPS}?resourceVersion={'9' * 30}"),
    "version almost beyond int64": Case((400, 422, 504), "GET", f"{MAPS}?resourceVersion={(1 << 63) + 5}"),
    "watch beyond int64": Case((400, 422, 504), "GET", f"{MAPS}?watch=1&resourceVersion={(1 << 63) - 1}"),
    "terms": Case((400, 431), "GET", f"{MAPS}?labelSelector=" + ",".join(f"!a{n}" for n in range(4_000))),
    "ten thousand terms": Case((400, 431), "GET", f"{MAPS}?labelSelector=" + ",".join(f"!a{n}" for n in range(10_000))),
    "parameters": Case((400, 431), "GET", f"{MAPS}?" + "&".join(f"a{n}=1" for n in range(5_000))),
    "escapes in a name": Case((404,), "GET", f"{MAPS}/%1b%5b31mred"),
    "escapes in an object": Case((422,), "POST", MAPS, lambda: _map(metadata=ESCAPES)),
    "escapes in a kind": Case((400,), "POST", MAPS, lambda: {"apiVersion": "v1", "kind": "\x1b[31m"}),
    "long name": Case((422,), "POST", MAPS, lambda: _map(metadata={"name": LONG})),
    "long label": Case((422,), "POST", MAPS, lambda: _map(metadata={"name": "x", "labels": {LONG: LONG}})),
    "long quantity": Case(
        (400, 422),
        "POST",
        PODS,
        lambda: _pod(resources={"limits": {"cpu": "1" * 1_000_000}}),
    ),
    "exponents": Case((400, 422), "POST", PODS, lambda: _pod(resources={"limits": {"cpu": "1e999999999"}})),
    "small exponents": Case((400, 422), "POST", PODS, lambda: _pod(resources={"requests": {"cpu": "1e-999999999"}})),
    "long port name": Case((422,), "POST", PODS, lambda: _pod(ports=[{"name": LONG, "containerPort": 1}])),
    "long schedule": Case((201, 422), "POST", CRON_JOBS, lambda: _cron("*/1," * 200_000 + "1 * * * *")),
    "endless schedule": Case((422,), "POST", CRON_JOBS, lambda: _cron("0-999999999999/1 * * * *")),
    "unknown media": Case((415,), "POST", MAPS, lambda: b"<a/>", "text/xml"),
    "protobuf lengths": Case(
        (400,),
        "POST",
        MAPS,
        lambda: b"k8s\x00" + b"\x0a\xff\xff\xff\xff\x0f" * 1000,
        "application/vnd.kubernetes.protobuf",
    ),
    "token beside a certificate": Case((200,), "GET", MAPS, headers={"Authorization": f"Bearer {SECRET}"}),
    "token in the query": Case((200, 400), "GET", f"{MAPS}?access_token={SECRET}&fieldSelector=x"),
    "method": Case((400, 405), "BREW", MAPS),
    "review of a secret": Case((400, 422), "POST", TOKEN_REVIEWS, lambda: {"spec": {"token": [SECRET]}}),
}


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[admin.Client, int, Path]]:
    folder = tmp_path_factory.mktemp("hostile")
    with admin.serving(folder / "data", folder / "log") as (client, pid):
        code, _ = client.ask("POST", MAPS, {**_map(data={"a": "b"}), "metadata": {"name": "there"}})
        assert code == 201
        code, _ = client.ask("POST", PODS, _pod())  # refused: no account yet; what it loads is loaded
        yield client, pid, folder / "log"


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_soon_and_cheaply(server: tuple[admin.Client, int, Path], name: str) -> None:
    client, pid, log = server
    logged = log.stat().st_size
    case = CASES[name]
    body = case.body()
    before, started = _resident_bytes(pid), time.monotonic()
    try:
        code, status = client.ask(case.method, case.path, body, case.media, **case.headers)
    except (ConnectionError, OSError):
        # Refused before all was sent, and so that what is left of it is not read.
        client.close()
        assert name in ("body too large", "chunks without end", "gzip bomb")
        code, status = 413, {"kind": "Status", "message": "", "code": 413}
    assert time.monotonic() - started < SECONDS_MAX
    assert _resident_bytes(pid) - before < GROWTH_MAX_BYTES
    assert code in case.codes, status
    if code >= 400:
        assert (status["kind"], status["code"]) == ("Status", code)
        assert "Traceback" not in status["message"]
        assert len(status["message"]) < 100_000
        assert all(character.isprintable() or character == "\n" for character in status["message"])
    client.close()
    assert client.ask("GET", "/readyz")[0] == 200
    written = log.read_bytes()[logged:].decode()
    assert "Traceback" not in written
    assert "\x1b" not in written
    assert SECRET not in written
    names = [item["metadata"]["name"] for item in client.ask("GET", MAPS)[1]["items"]]
    assert names in (["there"], ["kube-root-ca.crt", "there"])
    assert orjson.dumps(client.ask("GET", f"{MAPS}/there")[1]["data"]) == b'{"a":"b"}'


@pytest.mark.parametrize("fields", [[_field(1)] * 20_000, list(map(_field, range(20_000)))], ids=["alike", "different"])
def test_a_large_definition_is_taken_soon(server: tuple[admin.Client, int, Path], fields: list[dict[str, Any]]) -> None:
    """Of all bodies it is what takes the most memory."""
    client, pid, log = server
    before, started = _resident_bytes(pid), time.monotonic()
    assert client.ask("POST", DEFINITIONS, _definition(fields))[0] == 201
    assert time.monotonic() - started < SECONDS_MAX
    path = f"{DEFINITIONS}/larges.hostile.example.com"
    assert client.ask("DELETE", path)[0] == 200
    waiting.until_sync(lambda: client.ask("GET", path)[0] == 404, what="the definition to be gone")
    assert client.ask("GET", "/readyz")[0] == 200
    assert _resident_bytes(pid) - before < GROWTH_MAX_BYTES
    assert "Traceback" not in log.read_text()
