"""What a first ``up`` chooses, and what it refuses with a message that says what to do."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.console.local import access, bringup, choices, hostnet, machine, putdown
from bascule.console.local.layout import Layout
from bascule.console.local.machine import Finding


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where containers cannot run, and why."""
    lacks = [
        Finding("root", False, ""),
        Finding("runc", False, ""),
        Finding("ip", True, ""),
        Finding("envoy", False, ""),
    ]
    monkeypatch.setattr(machine, "containerd_ready", lambda: False)
    monkeypatch.setattr(machine, "findings", lambda: iter(lacks))


@pytest.fixture
def rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with everything."""
    monkeypatch.setattr(machine, "containerd_ready", lambda: True)
    monkeypatch.setattr(hostnet, "free_subnet", lambda: ipaddress.IPv4Network("10.88.7.0/24"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.mark.usefixtures("plain")
def test_a_port_in_use_is_refused_when_it_was_asked_for(layout: Layout, busy_port: int) -> None:
    with pytest.raises(choices.BringUpError, match=f"port {busy_port} is in use on 127.0.0.1") as refused:
        choices.choose(choices.Wishes(layout.data_dir, port=busy_port), layout)
    assert "--port" in str(refused.value)


@pytest.mark.usefixtures("plain")
def test_the_usual_port_in_use_means_another(layout: Layout, busy_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "API_PORT", busy_port)
    chosen = choices.choose(choices.Wishes(layout.data_dir), layout)
    assert chosen.api_port not in (busy_port, 0)


@pytest.mark.usefixtures("plain")
def test_containerd_that_cannot_be_used_says_what_is_missing(layout: Layout) -> None:
    with pytest.raises(choices.BringUpError) as refused:
        choices.choose(choices.Wishes(layout.data_dir, runtime="containerd", port=0), layout)
    assert str(refused.value) == (
        "the runtime containerd cannot be used here: root, runc missing. Run bascule doctor, or use --runtime process."
    )


@pytest.mark.usefixtures("plain")
def test_without_root_pods_are_processes_on_loopback(layout: Layout) -> None:
    chosen = choices.choose(choices.Wishes(layout.data_dir, nodes=3, zones=2, port=0), layout)
    assert chosen.runtime == "process"
    assert [(node.name, node.zone, node.address, node.namespace) for node in chosen.nodes] == [
        ("node-1", "zone-1", "127.0.0.1", ""),
        ("node-2", "zone-2", "127.0.0.1", ""),
        ("node-3", "zone-1", "127.0.0.1", ""),
    ]
    loopback = ipaddress.IPv4Network("127.0.0.0/8")
    services, pods = ipaddress.IPv4Network(chosen.service_cidr), ipaddress.IPv4Network(chosen.cluster_cidr)
    assert services.subnet_of(loopback)
    assert pods.subnet_of(loopback)
    assert not services.overlaps(pods)
    assert (chosen.gateway, chosen.link) == ("", "")


@pytest.mark.usefixtures("rich")
def test_with_root_each_node_is_apart(layout: Layout) -> None:
    chosen = choices.choose(choices.Wishes(layout.data_dir, nodes=2, port=0), layout)
    assert chosen.runtime == "containerd"
    assert chosen.gateway == "10.88.7.1"
    assert chosen.bind_addresses == ("127.0.0.1", "10.88.7.1")
    assert len({node.address for node in chosen.nodes} | {chosen.gateway}) == 3
    assert len({node.namespace for node in chosen.nodes}) == 2
    assert all(layout.tag in node.namespace for node in chosen.nodes)
    assert len(chosen.link) <= 15, "the kernel's limit for a link's name"


@pytest.mark.usefixtures("plain")
def test_hollow_nodes_share_a_process(layout: Layout) -> None:
    chosen = choices.choose(choices.Wishes(layout.data_dir, nodes=1000, zones=3, runtime="hollow", port=0), layout)
    assert chosen.hollow_count == 1000
    assert {node.zone for node in chosen.nodes} == {"zone-1", "zone-2", "zone-3"}


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("wish", "value", "have"), [("nodes", 2, 1), ("zones", 2, 1), ("runtime", "hollow", "process"), ("port", 1, None)]
)
async def test_a_second_up_does_not_change_the_first_ones_choices(
    layout: Layout, wish: str, value: object, have: object
) -> None:
    layout.prepare()
    first = choices.choose(choices.Wishes(layout.data_dir, port=0), layout)
    layout.save(first)
    with pytest.raises(choices.BringUpError) as refused:
        await bringup.up(choices.Wishes(layout.data_dir, **{wish: value}), lambda _: None)  # type: ignore[arg-type]
    assert f"this installation has --{wish} {first.api_port if have is None else have}, not {value}" in str(
        refused.value
    )
    assert layout.load() == first


async def test_down_where_nothing_is(layout: Layout) -> None:
    assert await putdown.down(layout.data_dir, lambda _: None) is False


def test_a_bootstrap_token_is_a_secret_the_api_server_knows() -> None:
    secret, token = access.bootstrap_token("why")
    identity, _, password = token.partition(".")
    assert re.fullmatch("[a-z0-9]{6}", identity)
    assert re.fullmatch("[a-z0-9]{16}", password)
    assert secret["metadata"]["name"] == f"bootstrap-token-{identity}"
    assert secret["metadata"]["namespace"] == "kube-system"
    assert secret["type"] == "bootstrap.kubernetes.io/token"
    assert (secret["stringData"]["token-id"], secret["stringData"]["token-secret"]) == (identity, password)
    assert secret["metadata"]["annotations"] == {"bascule.dev/single-use": "true"}
    assert access.bootstrap_token("why", reusable=True)[0]["metadata"]["annotations"] == {
        "bascule.dev/single-use": "false"
    }
    assert access.bootstrap_token("why")[1] != token
