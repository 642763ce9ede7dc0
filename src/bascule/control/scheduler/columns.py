"""All nodes as NumPy columns: a slot for each node, an array for each thing that decisions look at.

Invariant: row ``i`` of every array speaks of the same node; free slots are dead in ``alive``. Labels are coded as small
integers for each key, so that a selector is a comparison of integers over all nodes at once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bascule.control.scheduler.demand import CPU, MEMORY, PODS, STORAGE
from bascule.vocabulary import labels, objects, quantity
from bascule.vocabulary.objects import Object

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
ABSENT = -1


class Taint(NamedTuple):
    key: str
    value: str
    effect: str


class Labels:
    """One label key over all nodes: the code of each node's value, ``ABSENT`` where it has none."""

    def __init__(self, size: int) -> None:
        self.codes: npt.NDArray[np.int32] = np.full(size, ABSENT, dtype=np.int32)
        self.values: dict[str, int] = {}

    def set(self, slot: int, value: str | None) -> None:
        self.codes[slot] = ABSENT if value is None else self.values.setdefault(value, len(self.values))

    def matches(self, requirement: labels.Requirement) -> Mask:
        """Nodes for which the requirement holds."""
        codes = self.codes
        match requirement.operator:
            case "exists":
                present: Mask = codes != ABSENT
                return present
            case "absent":
                absent: Mask = codes == ABSENT
                return absent
            case "in":
                return self._any(requirement.values)
            case "notin":
                return ~self._any(requirement.values)
        table = np.array([requirement.matches({requirement.key: v}) for v in self.values] + [False], dtype=np.bool_)
        return table[codes]  # ABSENT is -1, the entry added at the end

    def _any(self, values: frozenset[str]) -> Mask:
        result: Mask = np.zeros(len(self.codes), dtype=np.bool_)
        for value in values:
            code = self.values.get(value)
            if code is not None:
                result |= self.codes == code
        return result


class Columns:
    """Grows by doubling; ``slot_of`` gives a node's row."""

    def __init__(self, size: int = 16) -> None:
        self.size = size
        self.slot_of: dict[str, int] = {}
        self.names: list[str] = [""] * size
        self._free = list(range(size - 1, -1, -1))
        self.alive: Mask = np.zeros(size, dtype=np.bool_)
        self.capacity: dict[str, Numbers] = {}
        self.used: dict[str, Numbers] = {}
        self.labels: dict[str, Labels] = {}
        self.taints: dict[Taint, Mask] = {}
        self.ports: dict[tuple[str, int, str], Numbers] = {}
        for name in (CPU, MEMORY, STORAGE, PODS):
            self._resource(name)

    def __len__(self) -> int:
        return len(self.slot_of)

    def _resource(self, name: str) -> None:
        if name not in self.capacity:
            self.capacity[name] = np.zeros(self.size, dtype=np.int64)
            self.used[name] = np.zeros(self.size, dtype=np.int64)

    def put(self, node: Object) -> int:
        """Adds or refreshes a node; its slot."""
        name = objects.name(node)
        slot = self.slot_of.get(name)
        if slot is None:
            if not self._free:
                self._grow()
            slot = self._free.pop()
            self.slot_of[name], self.names[slot] = slot, name
            self.alive[slot] = True
        spec, status = node.get("spec") or {}, node.get("status") or {}
        self._set_capacity(slot, status.get("allocatable") or status.get("capacity") or {})
        self._set_labels(slot, objects.labels(node))
        self._set_taints(slot, spec)
        return slot

    def remove(self, name: str) -> None:
        """The slot is free again; what its pods used is forgotten by whoever placed them."""
        slot = self.slot_of.pop(name, None)
        if slot is None:
            return
        self.names[slot] = ""
        self.alive[slot] = False
        self._set_capacity(slot, {})
        self._set_labels(slot, {})
        self._set_taints(slot, {})
        self._free.append(slot)

    def use(self, slot: int, requests: dict[str, int], sign: int) -> None:
        for name, amount in requests.items():
            self._resource(name)
            self.used[name][slot] += sign * amount

    def use_port(self, slot: int, port: tuple[str, int, str], sign: int) -> None:
        column = self.ports.get(port)
        if column is None:
            column = self.ports[port] = np.zeros(self.size, dtype=np.int64)
        column[slot] += sign

    def label(self, key: str) -> Labels:
        """The column of a key; of absent values if no node has it."""
        return self.labels.get(key) or Labels(self.size)

    def _set_capacity(self, slot: int, amounts: dict[str, Any]) -> None:
        for name in amounts:
            self._resource(name)
        for name, column in self.capacity.items():
            text = amounts.get(name, "0")
            column[slot] = quantity.to_milli(text) if name == CPU else quantity.to_int(text)

    def _set_labels(self, slot: int, values: dict[str, str]) -> None:
        for key in values:
            if key not in self.labels:
                self.labels[key] = Labels(self.size)
        for key, column in self.labels.items():
            column.set(slot, values.get(key))

    def _set_taints(self, slot: int, spec: dict[str, Any]) -> None:
        held = {
            Taint(taint.get("key") or "", taint.get("value") or "", taint.get("effect") or "")
            for taint in spec.get("taints") or ()
        }
        if spec.get("unschedulable"):
            held.add(Taint(UNSCHEDULABLE, "", "NoSchedule"))
        for taint in held:
            if taint not in self.taints:
                self.taints[taint] = np.zeros(self.size, dtype=np.bool_)
        for taint, column in list(self.taints.items()):
            column[slot] = taint in held
            if not column.any():
                del self.taints[taint]

    def _grow(self) -> None:
        old, self.size = self.size, self.size * 2
        self._free = list(range(self.size - 1, old - 1, -1))
        self.names += [""] * old
        self.alive = np.concatenate([self.alive, np.zeros(old, dtype=np.bool_)])
        for table in (self.capacity, self.used, self.ports):
            for key in table:
                table[key] = np.concatenate([table[key], np.zeros(old, dtype=np.int64)])  # type: ignore[index]
        for taint in self.taints:
            self.taints[taint] = np.concatenate([self.taints[taint], np.zeros(old, dtype=np.bool_)])
        for column in self.labels.values():
            column.codes = np.concatenate([column.codes, np.full(old, ABSENT, dtype=np.int32)])
