"""Who creates what nothing acts on yet is told so, and nobody else is."""

import pytest

from bascule.control.kinds import table, unheeded
from bascule.vocabulary import builtins, objects, resources
from tests.unit.control.api import harness
from tests.unit.control.kinds import every_kind

PATH = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


def test_every_row_is_a_kind() -> None:
    assert all(any((row.group, row.plural) == key for row in builtins.REGISTRY) for key in unheeded.TEXTS)


@pytest.mark.parametrize("row", every_kind.ROWS, ids=lambda row: row.qualified)
def test_only_creation_warns(row: resources.Resource) -> None:
    obj = every_kind.sample(row, 1)
    if row.kind == "APIService":
        obj["spec"]["service"] = {"namespace": "default", "name": "elsewhere"}
    kind = table.strategy_for(row.group, row.plural)
    text = unheeded.TEXTS.get((row.group, row.plural))
    warned = [warning for warning in kind.warnings(obj) if warning in unheeded.TEXTS.values()]
    assert warned == ([text] if text else [])
    if text and kind.update_warnings is not None:
        assert kind.update_warnings(objects.deep_copy(obj), obj) == []


def test_an_api_service_of_the_server_itself_is_served() -> None:
    row = builtins.REGISTRY.by_plural("apiregistration.k8s.io", "v1", "apiservices")
    assert row is not None
    obj = {"apiVersion": row.api_version, "kind": row.kind, "metadata": {"name": "v1.apps"}, "spec": {"version": "v1"}}
    assert table.strategy_for(row.group, row.plural).warnings(obj) == []


async def test_the_answer_says_so() -> None:
    async with harness.running() as api:
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"}}
        policy["spec"] = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.1/8"}}]}]}
        made = await api.call("POST", PATH, policy)
        assert made.code == 201
        told, other = made.headers.getall("Warning")
        assert told == f'299 - "{unheeded.TEXTS["networking.k8s.io", "networkpolicies"]}"'
        assert "10.0.0.1/8" in other
        changed = await api.patch(f"{PATH}/a", {"metadata": {"labels": {"a": "b"}}})
        assert (changed.code, changed.headers.getall("Warning", [])) == (200, [])
        changed = await api.patch(f"{PATH}/a", {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}})
        assert changed.headers.getall("Warning") == [other]
