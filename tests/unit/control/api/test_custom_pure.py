"""The pure parts behind custom resources: the order of versions, names in use, what a definition may hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bascule.control.api.custom import naming, offer
from bascule.control.kinds import custom_rows
from bascule.vocabulary import builtins, objects

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("group", "scope", "names", "versions", "plural", "kind", "name", "served", "storage", "conditions", "type")


def test_versions_are_in_the_order_clients_prefer() -> None:
    wanted = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10", "v0"]
    assert sorted(set(wanted), key=custom_rows.version_order) == wanted


def test_a_name_is_refused_while_another_or_a_built_in_has_it() -> None:
    crd = {"spec": {"names": {"plural": "leases", "kind": "Mine", "listKind": "MineList", "shortNames": ["x", "y"]}}}
    leases = [row for row in builtins.REGISTRY if row.group == "coordination.k8s.io"]
    names, condition = naming.accept(crd, naming.taken([], leases))
    assert (condition.status, condition.reason) == ("False", "PluralConflict")
    assert names == {"kind": "Mine", "listKind": "MineList", "shortNames": ["x", "y"]}
    _, condition = naming.accept(crd, naming.taken([{"shortNames": ["x", "y"]}], []))
    assert (condition.reason, condition.message) == (
        "ShortNamesConflict",
        '["x" is already in use, "y" is already in use]',
    )
    held = {**crd, "status": {"acceptedNames": {"plural": "leases"}}}
    assert naming.accept(held, naming.taken([], leases))[1].status == "True"


@given(
    spec=st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON,
    status=st.dictionaries(st.sampled_from(("acceptedNames", "conditions")), JSON) | JSON,
    metadata=JSON,
)
def test_whatever_a_store_holds_is_read_without_failing(spec: Any, status: Any, metadata: Any) -> None:
    crd = {"metadata": metadata, "spec": spec, "status": status}
    key = objects.Key("root", "", "a.b.c")
    assert not offer.read(key, 1, crd).served or offer.tidy(crd)["spec"]
    naming.accept(offer.tidy(crd), naming.taken([], []))
    naming.conformance(offer.tidy(crd))
