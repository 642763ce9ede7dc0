"""The layout: increments lead to the same kernel state as a full load, whatever the plans."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bascule.data.network.nftables import layout
from bascule.data.network.plan import Backend, Frontend, Plan, Target
from tests import goldens

addresses = layout.Addresses("10.1.0.0/24", "10.1.0.0/16")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    targets = {}
    for key in draw(st.sets(st.integers(1, 6), max_size=5)):
        backends = draw(st.sets(st.integers(1, 9), max_size=4))
        frontends = [Frontend(f"10.96.0.{key}", "tcp", 80)]
        if draw(st.booleans()):
            frontends.append(Frontend("", "udp", 30000 + key))
        targets[f"root/d/s{key}:80"] = Target(
            tuple(frontends),
            tuple(Backend(f"10.1.0.{b}", 8080) for b in sorted(backends)),
            draw(st.sampled_from((0, 0, 15, 60))),
        )
    return Plan(targets, frozenset(draw(st.sets(st.sampled_from(["10.1.0.1", "10.1.0.2"])))))


def played(state: layout.Elements, transaction: str) -> layout.Elements:
    """A dumb nft: applies element commands to maps, refusing what the kernel would refuse."""
    state = {name: dict(entries) for name, entries in state.items()}
    for verb, name, listed in re.findall(r"^(add|delete) element ip t (\S+) \{ (.*) \}$", transaction, re.M):
        for item in listed.split(", "):
            key, _, value = item.partition(" : ")
            if verb == "delete":
                assert state[name].pop(key) == value
            else:
                assert key not in state.setdefault(name, {}), "an element is added twice"
                state[name][key] = value
    return {name: entries for name, entries in state.items() if entries}


@given(st.lists(plans(), min_size=1, max_size=6))
def test_increments_end_where_a_full_load_would(sequence: list[Plan]) -> None:
    ids = layout.Ids()
    before = Plan()
    state: layout.Elements = {}
    for after in sequence:
        state = played(state, layout.difference("t", before, after, ids))
        assert state == {name: entries for name, entries in layout.elements(after, ids).items() if entries}
        ids.keep_only(after.targets)
        before = after


@given(plans())
def test_the_same_plan_again_is_no_transaction(same: Plan) -> None:
    assert layout.difference("t", same, same, layout.Ids()) == ""


def test_one_more_backend_touches_only_its_service() -> None:
    def target(count: int) -> Target:
        return Target((Frontend("10.96.0.1", "tcp", 80),), tuple(Backend(f"10.1.0.{i}", 80) for i in range(count)))

    other = Target((Frontend("10.96.0.2", "tcp", 80),), (Backend("10.1.0.9", 80),))
    ids = layout.Ids()
    before = Plan({"a": target(2), "b": other})
    layout.full("t", before, ids, addresses)
    change = layout.difference("t", before, Plan({"a": target(3), "b": other}), ids)
    assert "10.1.0.9" not in change
    assert "add map ip t backends_3" in change


def test_sessions_outlast_new_backends_and_not_lost_ones() -> None:
    def made(*numbers: int, seconds: int = 15) -> Plan:
        backends = tuple(Backend(f"10.1.0.{number}", 80) for number in numbers)
        return Plan({"a": Target((Frontend("10.96.0.1", "tcp", 80),), backends, seconds)})

    ids = layout.Ids()
    layout.full("t", made(1, 2), ids, addresses)
    mark = ids.of("a")
    grown = layout.difference("t", made(1, 2), made(1, 2, 3), ids)
    assert ids.of("a") == mark
    assert "chain ip t remember_15" not in grown
    layout.difference("t", made(1, 2, 3), made(1, 3), ids)
    assert ids.of("a") != mark
    longer = layout.difference("t", made(1, 3), made(1, 3, seconds=60), ids)
    assert "update @sessions { ip saddr . meta mark timeout 60s : ip daddr . tcp dport }" in longer
    assert f"add element ip t lasting {{ {ids.of('a')} : goto remember_60 }}" in longer


def test_the_whole_table_reads_as_written_down() -> None:
    web = Target(
        (Frontend("10.96.0.1", "tcp", 80), Frontend("", "tcp", 30080)),
        (Backend("10.1.0.1", 80), Backend("10.1.0.2", 80)),
    )
    names = Target((Frontend("10.96.0.2", "udp", 53),), (Backend("10.1.0.3", 53),), sticky_seconds=10_800)
    gone = Target((Frontend("10.96.0.3", "tcp", 443),), ())
    made = Plan({"root/d/web:80": web, "root/d/names:53": names, "root/d/gone:443": gone}, frozenset({"10.1.0.1"}))
    golden = Path(__file__).with_name("goldens") / "table.nft"
    goldens.check(golden, layout.full("bascule_node", made, layout.Ids(), addresses))
