"""What goes into a container: environment, downward fields, volumes, resources, resolver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bascule.bridge import messages
from bascule.data.agent import network, rotation
from bascule.data.agent.pods import environment, fields, limits, start
from bascule.data.agent.pods.fields import Addresses
from bascule.data.agent.sources import ConfigFault, Sources
from bascule.data.agent.volumes import payload, writer
from bascule.data.agent.volumes.mounts import Volumes
from bascule.data.agent.volumes.payload import File
from bascule.data.runtime.process.driver import ProcessRuntime
from bascule.vocabulary.objects import Object
from tests.unit.data.agent.kit import pod, running

HERE = Addresses("10.1.2.3", "192.168.0.7")


class Shelf:
    """A ledger that is a dict."""

    def __init__(self, *held: tuple[str, Object]) -> None:
        self._held = {
            (kind, "/".join(("root", obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))): obj
            for kind, obj in held
        }

    def get(self, kind: str, name: str) -> messages.Desired | None:
        obj = self._held.get((kind, name))
        return messages.Desired(kind, name, "1", b"{}", [obj]) if obj is not None else None

    def all(self, kind: str) -> list[messages.Desired]:
        return [messages.Desired(kind, name, "1", b"{}", [obj]) for (k, name), obj in self._held.items() if k == kind]


def thing(kind: str, name: str, namespace: str = "shop", **rest: Any) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


def sources(*held: tuple[str, Object]) -> Sources:
    return Sources(Shelf(*held), pod(), "n1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("x$(A)y$", "x1y$"), ("$$$(A)", "$1"), ("$(A", "$(A")],
)
def test_expansion(text: str, expected: str) -> None:
    assert environment.expand(text, {"A": "1"}) == expected


def test_environment_from_every_source() -> None:
    container = {
        "name": "main",
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c"}}, {"secretRef": {"name": "no", "optional": True}}],
        "env": [
            {"name": "PLAIN", "value": "v"},
            {"name": "JOINED", "value": "$(PLAIN)-$(P_k)-$(WEB_SERVICE_HOST)"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "GONE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "x", "optional": True}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        ],
        "resources": {"limits": {"cpu": "250m"}},
    }
    held = sources(
        ("configmaps", thing("ConfigMap", "c", data={"k": "cv"})),
        ("secrets", thing("Secret", "s", data={"k": "c3Y="})),
        ("services", thing("Service", "web", spec={"clusterIP": "10.9.0.1", "ports": [{"port": 80}]})),
    )
    out = dict(environment.environment(pod(containers=[container]), container, held, HERE))
    assert out["JOINED"] == "v-cv-10.9.0.1"
    assert (out["SECRET"], out["IP"], out["CPU"], out["P_k"]) == ("sv", "10.1.2.3", "250", "cv")
    assert "GONE" not in out
    assert out["WEB_PORT_80_TCP"] == "tcp://10.9.0.1:80"


def test_a_missing_key_says_which() -> None:
    container = {"name": "main", "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "x"}}}]}
    with pytest.raises(ConfigFault, match="couldn't find key x in ConfigMap shop/c"):
        environment.environment(pod(), container, sources(("configmaps", thing("ConfigMap", "c"))), HERE)


def test_labels_as_a_file() -> None:
    labelled = pod()
    labelled["metadata"]["labels"] = {"b": 'say "x"', "a": "1"}
    assert fields.field(labelled, "metadata.labels", HERE) == 'a="1"\nb="say \\"x\\""'
    assert fields.field(labelled, "metadata.labels['a']", HERE) == "1"


def test_a_projected_volume() -> None:
    volume = {
        "name": "v",
        "projected": {
            "sources": [
                {"serviceAccountToken": {"path": "token"}},
                {"configMap": {"name": "c", "items": [{"key": "k", "path": "deep/k", "mode": 0o400}]}},
                {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
            ]
        },
    }
    held = sources(
        ("configmaps", thing("ConfigMap", "c", data={"k": "cv", "other": "x"})),
        ("tokens", thing("Token", "uid-web", tokens=[{"audience": "", "token": "t.o.k"}])),
    )
    assert payload.payload(volume, pod(), held, HERE) == {
        "token": File(b"t.o.k", 0o644),
        "deep/k": File(b"cv", 0o400),
        "ns": File(b"shop", 0o644),
    }
    with pytest.raises(ConfigFault, match="service-account token"):
        payload.payload(volume, pod(), sources(), HERE)


@pytest.mark.parametrize(
    ("security", "mode", "user"),
    [
        ({"runAsUser": 1000}, 0o600, 1000),
        ({"runAsUser": 1000, "fsGroup": 5}, 0o600, 1000),
        ({"fsGroup": 5}, 0o600, None),
        ({}, 0o644, None),
    ],
)
def test_a_token_is_for_the_pods_own_user_and_group(security: dict[str, int], mode: int, user: int | None) -> None:
    volume = {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    held = sources(("tokens", thing("Token", "uid-web", tokens=[{"audience": "", "token": "t"}])))
    assert payload.payload(volume, pod(securityContext=security), held, HERE) == {"token": File(b"t", mode, user)}
    mixed = [{"name": "a", "image": "i"}, {"name": "b", "image": "i", "securityContext": {"runAsUser": 7}}]
    made = payload.payload(volume, pod(containers=mixed), held, HERE)
    assert made == {"token": File(b"t", 0o644)}


@pytest.mark.root
def test_a_file_belongs_to_its_user(tmp_path: Path) -> None:
    writer.write(tmp_path, {"token": File(b"t", 0o600, 1000)}, group=5)
    found = (tmp_path / "token").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1000, 5, 0o640)


def test_writing_is_atomic_and_idle_when_nothing_changed(tmp_path: Path) -> None:
    files = {"a": File(b"1", 0o600), "d/b": File(b"2", 0o644)}
    assert writer.write(tmp_path, files)
    assert not writer.write(tmp_path, files)
    old = os.readlink(tmp_path / "..data")
    with (tmp_path / "a").open("rb") as before:
        assert writer.write(tmp_path, {"a": File(b"new", 0o600)})
        assert before.read() == b"1", "a reader keeps what it opened"
    assert (tmp_path / "a").read_bytes() == b"new"
    assert os.readlink(tmp_path / "..data") != old
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["a"]


def test_paths_cannot_leave_their_volume(tmp_path: Path) -> None:
    held = sources(("configmaps", thing("ConfigMap", "c", data={"k": "v"})))
    bad = {"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": "../x"}]}}
    with pytest.raises(ConfigFault):
        payload.payload(bad, pod(), held, HERE)
    volumes = Volumes(tmp_path)
    (tmp_path / "volumes" / "v").mkdir(parents=True)
    (tmp_path / "volumes" / "v" / "link").symlink_to("/etc")
    for sub in ("../..", "link"):
        mounting = {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/m", "subPath": sub}]}
        with pytest.raises(ConfigFault):
            volumes.mounts(pod(volumes=[{"name": "v", "emptyDir": {}}]), mounting, {})


@pytest.mark.parametrize(
    ("resources", "shares", "quota"),
    [
        ({}, 2, 0),
        ({"requests": {"cpu": "500m"}}, 512, 0),
        ({"limits": {"cpu": "2"}}, 2048, 200_000),
        ({"requests": {"cpu": "100m"}, "limits": {"cpu": "1m"}}, 102, 1_000),
    ],
)
def test_cpu_becomes_shares_and_quota(resources: Object, shares: int, quota: int) -> None:
    made = limits.resources(pod(), {"name": "main", "resources": resources}, 8 << 30)
    assert (made.cpu_shares, made.cpu_quota_us) == (shares, quota)


def test_non_root_is_verified() -> None:
    container = {"name": "main", "securityContext": {"runAsNonRoot": True}}
    with pytest.raises(ConfigFault, match="image will run as root"):
        limits.security(pod(), container)
    assert limits.security(pod(securityContext={"runAsUser": 7, "fsGroup": 9}), container).supplemental_groups == (9,)


def test_resolver_by_policy() -> None:
    names = network.Names(("10.96.0.10",))
    plain = network.dns(pod(), names)
    assert plain is not None
    assert plain.servers == ("10.96.0.10",)
    assert plain.searches == ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")
    assert network.dns(pod(dnsPolicy="Default"), names) is None
    own = network.dns(pod(dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"], "options": [{"name": "a"}]}), names)
    assert own is not None
    assert (own.servers, own.searches, own.options) == (("1.1.1.1",), (), ("a",))


def test_a_sandbox_is_privileged_where_any_container_is() -> None:
    plain, strong = {"name": "a", "image": "i"}, {"name": "b", "image": "i", "securityContext": {"privileged": True}}
    assert not limits.security(pod(containers=[plain]), None).privileged
    for spec in ({"containers": [plain, strong]}, {"containers": [plain], "initContainers": [strong]}):
        assert limits.security(pod(**spec), None).privileged
        assert not limits.security(pod(**spec), plain).privileged
    assert limits.security(pod(containers=[plain, strong]), strong).privileged


def test_the_hosts_file() -> None:
    text = start.hosts_file(pod(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a", "b"]}]), "10.1.2.3")
    assert text.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert "10.1.2.3\tweb\n" in text
    assert text.endswith("\n\n# Entries added by HostAliases.\n10.0.0.1\ta\tb\n")


def test_the_hosts_file_of_a_pod_on_its_nodes_network_is_the_nodes() -> None:
    aliases = [{"ip": "10.0.0.1", "hostnames": ["a"]}]
    text = start.hosts_file(pod(hostNetwork=True, hostAliases=aliases), "192.0.2.1", of_node="127.0.0.1 me\n")
    head = "# Kubernetes-managed hosts file (host network).\n"
    assert text == f"{head}127.0.0.1 me\n\n# Entries added by HostAliases.\n10.0.0.1\ta\n"


async def test_logs_are_rotated_without_losing_a_line(tmp_path: Path) -> None:
    runtime = ProcessRuntime(tmp_path / "process")
    script = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done"
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod(containers=[{"name": "main", "image": "i", "command": ["/bin/sh", "-c", script]}]))
        folder = tmp_path / "logs" / "shop_web_uid-web" / "main"
        await bench.until(lambda: (folder / "0.log").exists() and (folder / "0.log").stat().st_size > 100)
        await bench.until(lambda: bench.status().get("phase") == "Running")
        assert await rotation.rotate(bench.node.host, bench.node.workers.values(), largest_bytes=50) == 1
        await bench.until(lambda: (folder / "0.log").exists() and (folder / "0.log").stat().st_size > 100)
        for sandbox in (await runtime.observe()).sandboxes:
            await runtime.remove_sandbox(sandbox.id)
        whole = b"".join(path.read_bytes() for path in sorted(folder.glob("0.log.*"))) + (folder / "0.log").read_bytes()
        numbers = [int(line.split()[-1]) for line in whole.splitlines()]
        assert numbers == list(range(len(numbers)))
