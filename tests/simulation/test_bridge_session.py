"""The desired span under everything a channel may do but reorder: cuts, losses, restores of the store, restarts of the
node, refusals. Whatever happens, the node ends where the control side wants it, and on the way it never applied
something older, and never lost what it was not explicitly told to remove."""

from __future__ import annotations

import random
from collections import deque

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis import stateful

from bascule.bridge import messages
from bascule.bridge.session import exchange, following, serving
from bascule.data.ledger.ledger import Ledger
from tests.unit.bridge import fakes

KINDS = ("services", "pods")
NAMES = tuple(f"root/ns/{letter}" for letter in "abcdef")
kinds = st.sampled_from(KINDS)
names = st.sampled_from(NAMES)
steps = st.integers(0, 24)


class Bridge(stateful.RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.view = fakes.View()
        self.ledger = Ledger.open(":memory:")
        self.following = following.Following("n1", self.ledger.versions, KINDS)
        self.serving: serving.Serving | None = None
        self.up: deque[exchange.Request] = deque()
        self.down: deque[exchange.Response] = deque()
        self.poison: set[str] = set()
        self.lost_in_restore: set[tuple[str, str]] = set()
        self.doubted: dict[str, set[str]] = {}
        self.in_force: dict[tuple[str, str], str] = {}

    # The store.

    @stateful.rule(kind=kinds, some=st.lists(names, min_size=1, unique=True), steps=steps)
    def put(self, kind: str, some: list[str], steps: int) -> None:
        for name in some:
            self.view.put(kind, name)
            self.lost_in_restore.discard((kind, name))
            self._tell(kind, name)
        self.exchange(steps)

    @stateful.rule(kind=kinds, some=st.lists(names, min_size=1, unique=True), steps=steps)
    def remove(self, kind: str, some: list[str], steps: int) -> None:
        for name in some:
            if name in self.view.wanted[kind]:
                self.view.remove(kind, name)
                self._tell(kind, name)
        self.exchange(steps)

    @stateful.rule(kind=kinds, name=names, steps=steps)
    def restore_without(self, kind: str, name: str, steps: int) -> None:
        """A snapshot from before the object was made is restored: every stream is cut, the epoch moves on."""
        self.cut()
        self.view.epoch += 1
        self.view.generation += 10
        if self.view.wanted[kind].pop(name, None) is not None and self.ledger.get(kind, name) is not None:
            self.lost_in_restore.add((kind, name))
        self.connect()
        self.exchange(steps)

    # The channel.

    @stateful.initialize()
    def connect(self) -> None:
        self.cut()
        self.serving = serving.Serving(self.view, KINDS)
        self.up.extend(self.following.open(self.ledger.position))

    @stateful.rule(restart=st.booleans(), steps=steps)
    def reconnect(self, restart: bool, steps: int) -> None:
        if restart:  # the agent puts in force all that its ledger holds, whatever became of it before
            self.following = following.Following("n1", self.ledger.versions, KINDS)
            self.in_force.clear()
            for kind in KINDS:
                self._enforce(kind, {item.name for item in self.ledger.all(kind)})
        self.connect()
        self.exchange(steps)

    @stateful.rule()
    def cut(self) -> None:
        self.serving = None
        self.up.clear()
        self.down.clear()
        self.doubted.clear()

    @stateful.rule(steps=steps)
    def exchange(self, steps: int) -> None:
        """Some of what is under way goes on its way."""
        for step in range(steps):
            (self.deliver_up, self.send_down, self.deliver_down)[step % 3]()

    def deliver_up(self) -> None:
        if self.serving is not None and self.up:
            receipt = self.serving.received(self.up.popleft())
            if receipt.unconfirmed:
                self.doubted.setdefault(receipt.kind, set()).update(receipt.unconfirmed)

    def send_down(self) -> None:
        if self.serving is None:
            return
        response = self.serving.next()
        if response is not None:
            unanswered = [other.kind for other in self.down]
            assert response.kind not in unanswered, "a second response of a kind before the first was answered"
            assert len({item.name for item in response.update.put}) == len(response.update.put)
            self.down.append(response)

    def deliver_down(self) -> None:
        if not self.down:
            return
        step = self.following.received(self.down.popleft())
        kind = step.update.kind
        before = {item.name: item for item in self.ledger.all(kind)}
        known = self.ledger.position_of(kind)
        outcome = self.ledger.apply(step.update)
        after = {item.name for item in self.ledger.all(kind)}
        if isinstance(outcome, messages.Refused):
            assert after == before.keys()
            self.up.append(self.following.refuse(step, outcome))
            return
        assert known is None or step.update.position[1:] >= known[1:]
        for name in before.keys() - after:
            assert name in step.update.removed
            assert (kind, name) not in self.lost_in_restore, "removed what a restore had lost"
        enforced = self.following.to_enforce(step, outcome)
        refusals = [messages.Refusal(name, "poison") for name in sorted(enforced & self.poison)]
        self._enforce(kind, enforced - self.poison)
        self.up.append(self.following.settle(step, refusals))

    @stateful.rule(name=names)
    def poisoned(self, name: str) -> None:
        self.poison.symmetric_difference_update({name})

    @stateful.rule()
    def confirm(self) -> None:
        """What the bridgehead does about removals that the node doubts: look into the store, then insist."""
        if self.serving is not None:
            for kind, doubted in self.doubted.items():
                self.serving.confirm(kind, [name for name in doubted if self.view.get(kind, name) is None])
            self.doubted.clear()

    def _enforce(self, kind: str, names: set[str] | frozenset[str]) -> None:
        for name in names:
            held = self.ledger.get(kind, name)
            self.in_force.pop((kind, name), None)
            if held is not None:
                self.in_force[kind, name] = held.version

    def _tell(self, kind: str, name: str) -> None:
        if self.serving is not None:
            self.serving.changed(kind, {name})

    # What must hold in the end.

    def teardown(self) -> None:
        if not self.view.wanted["pods"] and not self.view.wanted["services"]:
            self.view.put("pods", NAMES[0])
        self.poison.clear()
        self.connect()
        self._run_dry()
        self.connect()  # what was refused is sent again on a new stream
        self._run_dry()
        assert self.serving is not None
        for kind in KINDS:
            held = {item.name: item.version for item in self.ledger.all(kind)}
            lost = {name for lost_kind, name in self.lost_in_restore if lost_kind == kind}
            strays = set(self.ledger.strays(kind))
            assert lost <= strays
            assert not strays or self.view.epoch > 1, "only a restore leaves anything behind"
            assert {name: version for name, version in held.items() if name not in strays} == self.view.versions(kind)
            assert self.serving.settled(kind)
            wanted = self.view.versions(kind)
            assert {name: self.in_force.get((kind, name)) for name in wanted} == wanted
            assert all(name in held for of, name in self.in_force if of == kind)
            assert not self.following.refused[kind]
        self.ledger.close()

    def _run_dry(self) -> None:
        for _ in range(500):
            if not (self.up or self.down or self.doubted):
                self.send_down()
                if not self.down:
                    return
            self.deliver_up()
            self.confirm()
            self.send_down()
            self.deliver_down()
        raise AssertionError("the two ends never come to rest")


Bridge.TestCase.settings = hypothesis.settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None
)
test_bridge_session = Bridge.TestCase


@pytest.mark.parametrize("seed", range(40))
def test_seeded_histories(seed: int) -> None:
    """Longer histories than Hypothesis likes to write, with the rare things made common."""
    source = random.Random(seed)
    bridge = Bridge()
    bridge.connect()
    for _ in range(120):
        kind, steps = source.choice(KINDS), source.randrange(24)
        match source.choices(("put", "remove", "restore", "poison", "reconnect", "cut"), (10, 8, 2, 3, 4, 1))[0]:
            case "put":
                bridge.put(kind, source.sample(NAMES, source.randint(1, 4)), steps)
            case "remove" if bridge.view.wanted[kind]:
                held = sorted(bridge.view.wanted[kind])
                bridge.remove(kind, source.sample(held, source.randint(1, len(held))), steps)
            case "restore" if bridge.view.wanted[kind]:
                bridge.restore_without(kind, source.choice(sorted(bridge.view.wanted[kind])), steps)
            case "poison":
                bridge.poisoned(source.choice(NAMES))
            case "reconnect":
                bridge.reconnect(source.random() < 0.3, steps)
            case "cut":
                bridge.cut()
        bridge.confirm()
    bridge.teardown()
