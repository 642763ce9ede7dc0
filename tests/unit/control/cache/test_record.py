from __future__ import annotations

import concurrent.futures
import hashlib
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.cache import event, packing, record
from bascule.vocabulary import objects

DICTIONARY = "304d1d73c3955a984f1a8804cadc759df49ead96c07aa66fe6ca85d6ded2d1e8"
KEY = objects.Key("root", "default", "web")
POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "web",
        "namespace": "default",
        "uid": "u1",
        "resourceVersion": "17",
        "labels": {"app": "web"},
        "ownerReferences": [{"uid": "o1"}, {"uid": "o2"}],
    },
    "spec": {"containers": [{"name": "a"}]},
    "status": {"phase": "Running"},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.just("v1"),
        "kind": st.just("Pod"),
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "name": st.text(max_size=5),
                "uid": st.text(max_size=5),
                "resourceVersion": st.text(max_size=3),
                "labels": TEXTS,
                "ownerReferences": st.lists(st.fixed_dictionaries({"uid": st.text(max_size=3)}), max_size=3),
            },
        ),
        "spec": JSON,
        "status": JSON,
        'odd"resourceVersion":': JSON,
    },
)


def test_the_version_is_put_in_place():
    shown = record.Record(KEY, 42, record.draft(POD, {"spec.nodeName": "n1"}))
    assert shown.decode() == {**POD, "metadata": {**POD["metadata"], "resourceVersion": "42"}}
    assert shown.body().startswith(b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web"')
    assert POD["metadata"]["resourceVersion"] == "17"


def test_the_sidecar_needs_no_decoding():
    shown = record.Record(KEY, 42, record.draft(POD, {"spec.nodeName": "n1", "metadata.name": "web"}))
    assert (shown.labels, shown.uid) == ({"app": "web"}, "u1")
    assert shown.fields == {"metadata.name": "web", "metadata.namespace": "default", "spec.nodeName": "n1"}
    assert (shown.field("spec.nodeName"), shown.field("metadata.name"), shown.field("other")) == ("n1", "web", "")


def test_equal_labels_are_shared():
    one, other = (record.Record(KEY, n, record.draft(POD, {})) for n in (1, 2))
    assert one.labels is other.labels


@given(OBJECTS, TEXTS, st.integers(1, 2**50))
def test_what_is_stored_comes_back(obj, fields, revision):
    made = record.draft(obj, fields)
    shown = record.Record(KEY, revision, made)
    metadata = {**(obj.get("metadata") or {}), "resourceVersion": str(revision)}
    assert shown.decode() == {**obj, "metadata": metadata}
    again = record.Record(KEY, revision, record.load(made.value))
    for seen in (again, again.at(revision)):
        assert (seen.body(), seen.labels, seen.fields, seen.uid) == (
            shown.body(),
            metadata.get("labels") or {},
            shown.fields,
            metadata.get("uid") or "",
        )
    own = {name: value for name, value in fields.items() if value and not name.startswith("metadata.n")}
    assert again.fields == {"metadata.name": "web", "metadata.namespace": "default", **own}
    assert all(again.field(name) == value for name, value in own.items())


def test_settling_changes_nothing_but_what_is_kept():
    shown = record.Record(KEY, 42, record.draft(POD, {}))
    before = shown.body()
    shown.settle()
    assert shown.body() == before


def test_bodies_are_kept_small_and_large_ones_as_they_are():
    assert record.Record(KEY, 1, record.draft(POD, {})).size_bytes() < len(orjson.dumps(POD))
    large = {**POD, "spec": {"text": "x" * 100_000}}
    shown = record.Record(KEY, 1, record.load(record.draft(large, {}).value))
    assert shown.size_bytes() > 100_000
    assert shown.decode()["spec"] == large["spec"]


def test_the_dictionary_never_changes():
    """Stored bodies cannot be read without it: a better one is another form beside this one."""
    assert hashlib.sha256(packing.DICTIONARY).hexdigest() == DICTIONARY


def test_bodies_of_the_older_form_are_still_read():
    """Deflated against the same dictionary, as stores hold them that were written before."""
    new = record.draft(POD, {"spec.nodeName": "n1"})
    body = b"".join(new.pieces)
    packer = zlib.compressobj(2, zlib.DEFLATED, -14, 5, zlib.Z_DEFAULT_STRATEGY, packing.DICTIONARY)
    deflated = packer.compress(body) + packer.flush()
    old = b"\x02" + new.value[1 : -len(packing.pack(body))] + deflated
    seen, shown = record.Record(KEY, 42, record.load(old)), record.Record(KEY, 42, new)
    assert (seen.body(), seen.opening(), seen.labels, seen.fields, seen.uid) == (
        shown.body(),
        shown.opening(),
        shown.labels,
        shown.fields,
        shown.uid,
    )


def test_threads_pack_side_by_side():
    bodies = [orjson.dumps({**POD, "spec": {"text": f"{n}-" * 900}}) for n in range(64)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        packed = list(pool.map(packing.pack, bodies * 8))
        assert list(pool.map(packing.unpack, packed)) == bodies * 8


@pytest.mark.parametrize("value", [b"", b"{}", b"\x01" + b"\0" * 30, b"\x02" + b"\0" * 12, b"\x02\xff" + b"\0" * 30])
def test_what_nobody_stored_is_told_apart(value):
    with pytest.raises(record.Undecodable):
        record.load(value)


def test_lists_are_joined():
    shown = [record.Record(KEY, n, record.draft(POD, {})) for n in (1, 2)]
    assert record.join([]) == b""
    assert orjson.loads(b"[" + record.join(shown) + b"]") == [one.decode() for one in shown]


def test_a_frame_is_made_once():
    happened = event.Event(event.MODIFIED, 42, record.Record(KEY, 42, record.draft(POD, {})))
    assert happened.frame() is happened.frame()
    assert happened.frame().endswith(b"}\n")
    assert orjson.loads(happened.frame()) == {"type": "MODIFIED", "object": happened.record.decode()}
    with pytest.raises(ValueError, match="bookmark"):
        event.Event(event.BOOKMARK, 42, None).frame()


class Settling(record.Record):
    """Settled by another thread right after the first look at its pieces."""

    @property
    def _pieces(self) -> tuple[bytes, bytes] | None:
        held = self.__dict__.pop("held", None)
        return held if held is None else (held[0], held[1])

    @_pieces.setter
    def _pieces(self, made: tuple[bytes, bytes] | None) -> None:
        self.__dict__["held"] = made


def test_one_that_settles_while_a_thread_reads_it_is_read_whole() -> None:
    made = record.draft(POD, {})
    plain = record.Record(KEY, 17, made)
    assert Settling(KEY, 17, made).body() == plain.body()
    assert Settling(KEY, 17, made).opening() == plain.opening()
