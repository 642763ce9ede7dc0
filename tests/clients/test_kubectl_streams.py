"""kubectl's streaming commands, and the Python client's, against a whole platform: over WebSockets and over SPDY."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import pytest

from bascule.console.local import machine
from tests import waiting
from tests.clients import streams

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.timeout(180)]

CONTAINERD = pytest.mark.skipif(
    not machine.containerd_ready(), reason="SKIPPED LOUDLY: needs root, containerd, runc, CNI plugins and nftables"
)
WAYS = pytest.mark.parametrize("legacy", [False, True], ids=["websocket", "spdy"])
PAGE = '<a href="/x">page</a>\n'
POD = "/api/v1/namespaces/default/pods/web"


@pytest.fixture(scope="module", params=["process", pytest.param("containerd", marks=[pytest.mark.root, CONTAINERD])])
def kubectl(
    kubectl_binary: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[streams.Streams]:
    with streams.running(tmp_path_factory.mktemp("s"), request.param) as running:
        yield running


@WAYS
def test_exec(kubectl: streams.Streams, legacy: bool) -> None:
    env = streams.Streams.legacy if legacy else {}
    assert kubectl("exec", "web", "--", "echo", "hi", env=env) == "hi\n"
    failed = kubectl.run("exec", "web", "--", "sh", "-c", "echo bad >&2; exit 3", env=env)
    assert (failed.code, failed.out) == (3, "")
    assert failed.err.startswith("bad\n")
    text = "0123456789abcde\n" * 100_000
    assert kubectl("exec", "-i", "web", "--", "cat", stdin=text, env=env) == text
    assert kubectl("exec", "-i", "web", "--", "wc", "-c", stdin=text, env=env).strip() == "1600000"
    code, screen = kubectl.at_a_terminal(
        "exec", "-it", "web", "--", "sh", "-c", "test -t 0 && echo tty; exit 4", legacy=legacy
    )
    assert code == 4
    assert "tty" in screen
    missing = kubectl.run("exec", "web", "--", "no-such-command", env=env)
    assert missing.code != 0
    assert "no-such-command" in missing.err
    assert (
        "container other is not valid for pod web" in kubectl.run("exec", "web", "-c", "other", "--", "ls", env=env).err
    )


@WAYS
def test_port_forward(kubectl: streams.Streams, legacy: bool) -> None:
    for what in ("pod/web", "service/web"):
        port = streams.free_port()
        with kubectl.started(
            "port-forward", what, f"{port}:{18080 if what[0] == 'p' else 80}", legacy=legacy
        ) as process:
            assert process.stdout is not None
            assert "Forwarding from" in process.stdout.readline()
            with futures.ThreadPoolExecutor(12) as pool:
                pages = list(pool.map(_page, [port] * 12))
            assert pages == [PAGE] * 12


@WAYS
def test_a_port_where_nothing_listens(kubectl: streams.Streams, legacy: bool) -> None:
    port = streams.free_port()
    with kubectl.started("port-forward", "pod/web", f"{port}:1", legacy=legacy) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            _page(port)
        lines = [process.stdout.readline() for _ in range(3)]
        assert "error forwarding port 1 to pod web" in "".join(lines)
        assert "connect: connection refused" in "".join(lines)


def test_what_listens_within_the_pod_alone(kubectl: streams.Streams) -> None:
    if kubectl.runtime == "process":
        pytest.skip("its pods have the node's own loopback, which is never meant")
    kubectl("exec", "web", "--", "busybox", "httpd", "-p", "127.0.0.1:18081", "-h", "/www")
    port = streams.free_port()
    with kubectl.started("port-forward", "pod/web", f"{port}:18081") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert _page(port) == PAGE
    assert "connection refused" in kubectl.run("get", "--raw", f"{POD.replace('/web', '/web:18081')}/proxy/").err


def _page(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_proxy(kubectl: streams.Streams) -> None:
    services = "/api/v1/namespaces/default/services"
    for base in (f"{POD}/proxy", f"{POD}:18080/proxy", f"{services}/web:http/proxy", f"{services}/http:web:80/proxy"):
        base = base.replace("pods/web:18080", "pods/http:web:18080") if "18080" in base else base
        assert kubectl("get", "--raw", f"{base}/") == PAGE.replace("/x", f"{base}/x")
    refused = kubectl.run("get", "--raw", f"{POD}:1/proxy/")
    assert "error trying to reach service: dial tcp" in refused.err
    kubectl("create", "service", "clusterip", "nobody", "--tcp=80")
    assert (
        'no endpoints available for service "nobody"' in kubectl.run("get", "--raw", f"{services}/nobody:80/proxy/").err
    )
    assert kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/healthz") == "ok"
    pods = json.loads(kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/pods"))
    assert "web" in {pod["metadata"]["name"] for pod in pods["items"]}
    port = streams.free_port()
    with kubectl.started("proxy", f"--port={port}") as process:
        assert process.stdout is not None
        process.stdout.readline()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", f"{POD}/proxy?a=b")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (301, f"{POD}/proxy/?a=b")
        connection.close()


def test_logs(kubectl: streams.Streams) -> None:
    assert sorted(kubectl("logs", "web").split()) == ["said", "warned"]
    assert kubectl("logs", "web", "--tail=1").count("\n") == 1
    assert kubectl("logs", "web", "--limit-bytes=3") in ("sai", "war")
    assert kubectl("logs", "web", "--timestamps").startswith("20")
    assert kubectl("get", "--raw", f"{POD}/log?stream=Stderr") == "warned\n"
    assert "previous terminated container" in kubectl.run("logs", "web", "--previous").err
    for query, text in (
        ("tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds=0", "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("stream=Both", 'stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"'),
        ("stream=Stdout&tailLines=1", "mutually exclusive"),
        ("sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z", "at most one of"),
        ("container=other", "container other is not valid for pod web"),
    ):
        assert text in kubectl.run("get", "--raw", f"{POD}/log?{query}").err, query
    with kubectl.started("logs", "-f", "web") as following:
        assert following.stdout is not None
        assert sorted(following.stdout.readline() for _ in range(2)) == ["said\n", "warned\n"]


@WAYS
def test_attach(kubectl: streams.Streams, legacy: bool) -> None:
    with kubectl.started("attach", "-i", "reader", legacy=legacy) as attached:
        assert attached.stdin is not None
        assert attached.stdout is not None
        deadline = time.monotonic() + streams.SECONDS
        said = 0
        while "heard" not in (line := kubectl("logs", "reader", "--since=5s") if said else ""):
            assert time.monotonic() < deadline, line
            attached.stdin.write("hello\n")  # Again: what is said before the node listens goes nowhere.
            attached.stdin.flush()
            said += 1
        assert any("heard hello" in line for line in iter(attached.stdout.readline, ""))


@WAYS
def test_run_and_see(kubectl: streams.Streams, legacy: bool) -> None:
    name = f"once-{'spdy' if legacy else 'ws'}"
    words = (
        "run",
        name,
        "-i",
        "--rm",
        f"--image={streams.IMAGE}",
        "--image-pull-policy=IfNotPresent",
        "--restart=Never",
    )
    done = kubectl.run(
        *words, "--command", "--", "sh", "-c", "cat; exit 0", stdin="typed\n", env=kubectl.legacy if legacy else {}
    )
    assert done.code == 0, done
    assert "typed" in done.out
    assert kubectl.run("get", "pod", name).code == 1


def test_copy(kubectl: streams.Streams, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    content = bytes(range(256)) * 8000
    source.write_bytes(content)
    there = f"{tmp_path}/there" if kubectl.runtime == "process" else "/tmp/there"
    kubectl("cp", str(source), f"web:{there}")
    kubectl("cp", f"web:{there}", str(back))
    assert back.read_bytes() == content


def test_debug(kubectl: streams.Streams) -> None:
    image = f"--image={streams.IMAGE}"
    script = "echo looking; ps; sleep 1000"
    kubectl(
        "debug",
        "web",
        image,
        "--container=eye",
        "--target=main",
        "--image-pull-policy=IfNotPresent",
        "--",
        "sh",
        "-c",
        script,
    )
    waiting.until_sync(
        lambda: "looking" in kubectl.run("logs", "web", "-c", "eye").out,
        timeout_seconds=30,
        what="the ephemeral container",
    )
    (status,) = kubectl.json("get", "pod", "web")["status"]["ephemeralContainerStatuses"]
    assert (status["name"], list(status["state"])) == ("eye", ["running"])
    if kubectl.runtime == "containerd":
        waiting.until_sync(
            lambda: "httpd -f" in kubectl("logs", "web", "-c", "eye"), timeout_seconds=10, what="the target's processes"
        )
    assert kubectl("exec", "web", "-c", "eye", "--", "echo", "inside") == "inside\n"
    kubectl(
        "debug",
        "web",
        image,
        "--copy-to=web-copy",
        "--container=extra",
        "--image-pull-policy=IfNotPresent",
        "--",
        "sleep",
        "1000",
    )
    waiting.until_sync(
        lambda: len(kubectl.json("get", "pod", "web-copy")["spec"]["containers"]) == 2,
        timeout_seconds=10,
        what="the copy",
    )
    kubectl("delete", "pod", "web-copy", "--grace-period=0")
    made = kubectl("debug", "node/node-1", image, "--image-pull-policy=IfNotPresent", "--", "ls", "/host")
    name = made.split("debugging pod ")[1].split()[0]
    if kubectl.runtime == "containerd":
        waiting.until_sync(
            lambda: "etc" in kubectl.run("logs", name).out.split(), timeout_seconds=30, what="the host's files"
        )
    assert kubectl.json("get", "pod", name)["spec"]["nodeName"] == "node-1"
    kubectl("delete", "pod", name, "--grace-period=0")


def test_the_python_client(kubectl: streams.Streams) -> None:
    command = [sys.executable, "-m", "tests.clients.python_streams", str(kubectl.kubeconfig)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
