"""Reports are written as the node, to the very pod they speak of, until they are in the store or never can be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.bridge import messages
from bascule.client import faults
from bascule.control.bridgehead import reports, world
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import errors
from tests import waiting
from tests.unit.control.bridgehead import fakes


def report(kind: str, name: str, body: Any, sequence: int = 1) -> messages.Report:
    return messages.Report(sequence, kind, name, json.dumps(body).encode())


@pytest.fixture
def client() -> fakes.Client:
    return fakes.Client()


@pytest.fixture
def writer(client: fakes.Client) -> reports.Reports:
    clock = clocks.SystemClock()
    return reports.Reports(client, world.World(client, clock), clock)  # type: ignore[arg-type]


async def test_a_pods_status_is_written_as_the_node(writer: reports.Reports, client: fakes.Client) -> None:
    status = {"uid": "u", "phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}
    await writer.write("n1", report("pod-status", "root/ns/p", status))
    [(verb, plural, name, body, options)] = client.calls
    assert (verb, plural, name) == ("patch", "pods", "p")
    assert body == {
        "metadata": {"uid": "u"},
        "status": {"phase": "Running", "podIPs": [{"$patch": "replace"}, {"ip": "10.0.0.1"}]},
    }
    assert options["as_user"] == "system:node:n1"
    assert list(options["as_groups"]) == ["system:nodes"]
    assert options["subresource"] == "status"


async def test_a_condition_leaves_no_reason_of_its_former_state(writer: reports.Reports, client: fakes.Client) -> None:
    ready = {"type": "Ready", "status": "True"}
    await writer.write("n1", report("pod-status", "root/ns/p", {"uid": "u", "conditions": [ready]}))
    assert client.calls[0][3]["status"]["conditions"] == [ready | {"reason": None, "message": None}]


async def test_a_status_for_a_pod_that_is_gone_is_done_with(writer: reports.Reports, client: fakes.Client) -> None:
    status = report("pod-status", "root/ns/p", {"uid": "u", "phase": "Running"})
    client.answers["patch"] = [errors.not_found("pods", "p")]
    await writer.write("n1", status)
    client.answers["patch"] = [errors.conflict("pods", "p", "uid")]
    client.answers["get"] = [{"metadata": {"uid": "another"}}]
    await writer.write("n1", status)
    client.answers["patch"] = [errors.conflict("pods", "p", "busy")]
    client.answers["get"] = [{"metadata": {"uid": "u"}}]
    with pytest.raises(errors.StatusError):
        await writer.write("n1", status)


async def test_a_finished_pod_is_deleted_with_its_uid(writer: reports.Reports, client: fakes.Client) -> None:
    await writer.write("n1", report("pod-finished", "root/ns/p", {"uid": "u"}))
    [(verb, _, name, _, options)] = client.calls
    assert (verb, name, options["uid"], options["grace_seconds"]) == ("delete", "p", "u", 0)


async def test_a_node_is_registered_then_described(writer: reports.Reports, client: fakes.Client) -> None:
    body = {"metadata": {"labels": {"zone": "a"}}, "status": {"addresses": [{"type": "InternalIP", "address": "1"}]}}
    client.answers["get"] = [errors.not_found("nodes", "n1")]
    client.answers["create"] = [{"metadata": {"name": "n1", "labels": {}}}]
    await writer.write("n1", report("node-status", "n1", body))
    assert [(call[0], call[1], call[4].get("subresource")) for call in client.calls] == [
        ("get", "nodes", None),
        ("create", "nodes", None),
        ("patch", "nodes", None),
        ("patch", "nodes", "status"),
    ]
    assert client.calls[1][3]["metadata"]["name"] == "n1"


async def test_an_event_for_a_namespace_that_ends_is_done_with(writer: reports.Reports, client: fakes.Client) -> None:
    client.answers["create"] = [
        errors.forbidden("unable to create new content in namespace ns because it is being terminated"),
        errors.forbidden("not yours"),
    ]
    event = report("event", "root/ns/e", {"metadata": {"name": "e", "namespace": "ns"}})
    await writer.write("n1", event)
    with pytest.raises(reports.Rejected):
        await writer.write("n1", event)


@pytest.mark.parametrize("body", [b"[]", b"{", b"null"])
async def test_nonsense_is_rejected(writer: reports.Reports, body: bytes) -> None:
    with pytest.raises(reports.Rejected):
        await writer.write("n1", messages.Report(1, "pod-status", "root/ns/p", body))
    with pytest.raises(reports.Rejected):
        await writer.write("n1", messages.Report(1, "poem", "root/ns/p", b"{}"))
    with pytest.raises(reports.Rejected):
        await writer.write("n1", messages.Report(1, "pod-status", "p", b"{}"))


async def test_tried_again_until_written_newest_only(writer: reports.Reports, client: fakes.Client) -> None:
    link = fakes.Link()
    inbox = writer.inbox("n1", link)  # type: ignore[arg-type]
    client.answers["patch"] = [faults.Unreachable("away"), faults.Unreachable("away")]
    inbox.take(messages.Reports([(1, "pod-status", "root/ns/p", b'{"uid":"u","phase":"Pending"}')]))
    await waiting.until(lambda: client.calls)
    inbox.take(messages.Reports([(2, "pod-status", "root/ns/p", b'{"uid":"u","phase":"Running"}')]))
    await waiting.until(lambda: link.sent)
    assert link.sent == [messages.Acknowledged([2])]
    assert client.calls[-1][3]["status"] == {"phase": "Running"}
    client.answers["patch"] = [errors.forbidden("not yours", resource="pods", name="p")]
    inbox.take(messages.Reports([(3, "pod-status", "root/ns/p", b'{"uid":"u"}')]))
    await waiting.until(lambda: len(link.sent) == 2)
    assert link.sent[1].sequences == [3]
    assert "not yours" in link.sent[1].rejected[3]
    await inbox.close()
