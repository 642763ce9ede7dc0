import hypothesis
import pytest
from hypothesis import strategies as st

from bascule.control.controllers import ownership
from bascule.vocabulary import builtins, objects


def owned(uid: str, *owners: str, namespace="n", finalizers=(), leaving=False, block=True) -> objects.Object:
    kind = {"apiVersion": "v1", "kind": "K", "blockOwnerDeletion": block}
    references = [{**kind, "name": one, "uid": one} for one in owners]
    metadata = {"name": uid, "uid": uid, "namespace": namespace, "ownerReferences": references}
    metadata["finalizers"] = list(finalizers)
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata}


def item(*args, **options) -> ownership.Item:
    return ownership.item(builtins.PODS, owned(*args, **options))


@pytest.mark.parametrize(
    ("states", "finalizers", "dependents", "delete", "kept"),
    [
        ({}, (), False, None, None),
        ({"a": "there"}, (), False, None, None),
        ({"a": "absent"}, (), False, "Background", None),
        ({"a": "absent"}, ("orphan",), False, "Orphan", None),
        ({"a": "absent"}, ("foregroundDeletion",), False, "Foreground", None),
        ({"a": "absent", "b": "there"}, (), False, None, ["b"]),
        ({"a": "waiting", "b": "there"}, (), True, None, ["b"]),
        ({"a": "waiting"}, (), True, "Foreground", None),
        ({"a": "waiting"}, (), False, "Background", None),
        ({"a": "unknown"}, (), False, None, None),
        ({"a": "unknown", "b": "absent"}, (), False, None, ["a"]),
    ],
)
def test_judgement(states, finalizers, dependents, delete, kept):
    obj = owned("x", *states, finalizers=finalizers)
    verdict = ownership.judge(obj, states, has_dependents=dependents)
    names = None if verdict.keep_owners is None else [one["uid"] for one in verdict.keep_owners]
    assert (verdict.delete, names) == (delete, kept)
    assert verdict.unsure == ("unknown" in states.values())


@hypothesis.given(st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["there", "waiting", "absent", "unknown"])))
def test_nothing_with_a_living_owner_is_ever_deleted(states):
    verdict = ownership.judge(owned("x", *states), states, has_dependents=True)
    if not states or {"there", "unknown"} & set(states.values()):
        assert verdict.delete is None


def test_dependents_are_those_of_the_owners_namespace():
    graph = ownership.Graph()
    owner = item("owner")
    for one in (owner, item("near", "owner"), item("far", "owner", namespace="other")):
        graph.put(one)
    assert [one.uid for one in graph.dependents(owner)] == ["near"]
    everywhere = item("owner", namespace="")
    graph.put(everywhere)
    assert {one.uid for one in graph.dependents(everywhere)} == {"near", "far"}


def test_only_blocking_dependents_hold_up_a_foreground_deletion():
    graph = ownership.Graph()
    owner = item("owner", finalizers=("foregroundDeletion",), leaving=True)
    for one in (owner, item("blocks", "owner"), item("does-not", "owner", block=False)):
        graph.put(one)
    assert owner.waiting
    assert [one.uid for one in graph.blocking(owner)] == ["blocks"]
    graph.drop("blocks")
    assert graph.blocking(owner) == []


@hypothesis.given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.frozensets(st.sampled_from("abc")))))
def test_the_graph_agrees_with_a_plain_list(steps):
    graph, model = ownership.Graph(), {}
    for put, uid, owners in steps:
        if put:
            graph.put(item(uid, *sorted(owners)))
            model[uid] = owners
        else:
            graph.drop(uid)
            model.pop(uid, None)
        assert len(graph) == len(model)
        for owner in "abc":
            expected = {uid for uid, of in model.items() if owner in of}
            assert {one.uid for one in graph.named_dependents(owner)} == expected


def test_owners_in_a_circle_do_not_wait_for_each_other():
    graph = ownership.Graph()
    held = {"leaving": True, "finalizers": [ownership.FOREGROUND]}
    a, b = item("a", "c", **held), item("b", "a", **held)
    for one in (a, b, item("c", "b")):
        graph.put(one)
    assert [one.uid for one in graph.blocking(a)] == ["b"], "c has not been told to go"
    graph.put(item("c", "b", **held))
    assert graph.blocking(a) == []
    graph.drop("a")
    assert [one.uid for one in graph.blocking(b)] == ["c"]
