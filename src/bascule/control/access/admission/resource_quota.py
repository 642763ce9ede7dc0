"""ResourceQuota: what a namespace may hold is never exceeded, not even by concurrent creates.

Use is counted from what the reader shows, plus what has been admitted and is not visible yet. An admitted write holds a
`Reservation` until it is visible or has failed; so the sum is never too small. One server process holds the ledger.
"""

import itertools
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple

from bascule.control.access import reader
from bascule.control.access.admission import context, quota_usage, request
from bascule.vocabulary import objects, quantity

_REMEMBERED_MAX: Final = 100_000
_Place = tuple[str, str, str, str]


class _Quota(NamedTuple):
    name: str
    hard: dict[str, int]
    document: objects.Object


class _Hold(NamedTuple):
    """Something admitted: `uid` tells when it has become visible; `before` is what it replaces."""

    uid: str
    obj: objects.Object
    before: objects.Object | None


class Reservation:
    """Held from admission until the write is in the reader, or given back when it failed."""

    def __init__(self, held: dict[int, _Hold] | None = None, ticket: int = 0) -> None:
        self._held = held
        self._ticket = ticket

    def committed(self) -> None:
        """The write is in the store and the reader shows it."""
        self.release()

    def release(self) -> None:
        """Gives it back; a second time does nothing."""
        if self._held is not None:
            self._held.pop(self._ticket, None)
            self._held = None

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Ledger:
    def __init__(self, source: reader.Reader) -> None:
        self._source = source
        self._tickets = itertools.count(1)
        self._held: dict[_Place, dict[int, _Hold]] = {}
        self._quotas: dict[tuple[str, str], Sequence[_Quota]] = {}
        self._quota_revision = -1
        self._costs: dict[str, tuple[int, quota_usage.Usage]] = {}
        self._sums: dict[tuple[_Place, str], tuple[int, int, dict[str, int]]] = {}

    def reserve(self, asked: request.AdmissionRequest, obj: objects.Object | None) -> Reservation:
        """StatusError 403 when a quota of the namespace would be exceeded."""
        if obj is None or not asked.namespace:
            return Reservation()
        if asked.operation == "UPDATE" and asked.subresource not in ("", "resize"):
            return Reservation()
        if asked.operation not in ("CREATE", "UPDATE") or (asked.operation == "CREATE" and asked.subresource):
            return Reservation()
        quotas = self._quotas_of(asked.cluster, asked.namespace)
        if not quotas:
            return Reservation()
        group, plural = asked.resource.group, asked.resource.plural
        place = (asked.cluster, asked.namespace, group, plural)
        held = self._held.setdefault(place, {})
        if self._check(asked, obj, quotas, place) and not asked.dry_run:
            ticket = next(self._tickets)
            held[ticket] = _Hold(objects.uid(obj), obj, asked.old)
            return Reservation(held, ticket)
        return Reservation()

    def _check(
        self, asked: request.AdmissionRequest, obj: objects.Object, quotas: Sequence[_Quota], place: _Place
    ) -> bool:
        """Raises when it does not fit; tells whether any quota counts it."""
        group, plural = place[2], place[3]
        cost = quota_usage.of(group, plural, obj)
        before = quota_usage.of(group, plural, asked.old) if asked.old is not None else {}
        counted = False
        for quota in quotas:
            concerned = [name for name in quota.hard if name in cost]
            if not quota_usage.in_scope(quota.document, group, plural, obj):
                continue
            if plural == "pods" and not group and asked.operation == "CREATE":
                self._require_stated(asked, obj, quota)
            if not concerned:
                continue
            counted = True
            was_in = asked.old is not None and quota_usage.in_scope(quota.document, group, plural, asked.old)
            added = {name: cost[name] - (before.get(name, 0) if was_in else 0) for name in concerned}
            grown = sorted(name for name, amount in added.items() if amount > 0)
            if not grown:
                continue
            used = self._used(quota, place)
            over = [name for name in grown if used.get(name, 0) + added[name] > quota.hard[name]]
            if over:
                raise context.forbid(asked, f"exceeded quota: {quota.name}, " + _figures(over, added, used, quota))
        return counted

    def _require_stated(self, asked: request.AdmissionRequest, obj: objects.Object, quota: _Quota) -> None:
        lacking = quota_usage.missing(quota.hard, obj)
        if lacking:
            shown = "; ".join(f"{name} for: {','.join(containers)}" for name, containers in lacking)
            raise context.forbid(asked, f"failed quota: {quota.name}: must specify {shown}")

    def _used(self, quota: _Quota, place: _Place) -> dict[str, int]:
        used = dict(self._visible(quota, place))
        cluster, namespace, group, plural = place
        for hold in list(self._held.get(place, {}).values()):
            shown = self._source.get(group, plural, cluster, namespace, objects.name(hold.obj))
            if shown is not None and objects.uid(shown) == hold.uid and _is_newer(shown, hold.before):
                continue  # already counted as visible
            self._add(used, quota, place, hold.obj)
            if hold.before is not None:
                less: dict[str, int] = {}
                self._add(less, quota, place, hold.before)
                for name, amount in less.items():
                    used[name] = used.get(name, 0) - amount
        return used

    def _visible(self, quota: _Quota, place: _Place) -> dict[str, int]:
        cluster, namespace, group, plural = place
        revision = self._source.revision(group, plural)
        key, version = (place, quota.name), objects.resource_version(quota.document)
        known = self._sums.get(key)
        if known is not None and known[0] == revision and known[1] == version:
            return known[2]
        total: dict[str, int] = {}
        for obj in self._source.list(group, plural, cluster, namespace):
            self._add(total, quota, place, obj)
        if len(self._sums) >= _REMEMBERED_MAX:
            self._sums.clear()
        self._sums[key] = (revision, version, total)
        return total

    def _add(self, total: dict[str, int], quota: _Quota, place: _Place, obj: objects.Object) -> None:
        if not quota_usage.in_scope(quota.document, place[2], place[3], obj):
            return
        cost = self._cost(place, obj)
        for name in quota.hard:
            amount = cost.get(name)
            if amount:
                total[name] = total.get(name, 0) + amount

    def _cost(self, place: _Place, obj: objects.Object) -> quota_usage.Usage:
        uid, version = objects.uid(obj), objects.resource_version(obj)
        known = self._costs.get(uid)
        if known is not None and version and known[0] == version:
            return known[1]
        cost = quota_usage.of(place[2], place[3], obj)
        if uid and version:
            if len(self._costs) >= _REMEMBERED_MAX:
                self._costs.clear()
            self._costs[uid] = (version, cost)
        return cost

    def _quotas_of(self, cluster: str, namespace: str) -> Sequence[_Quota]:
        revision = self._source.revision("", "resourcequotas")
        if revision != self._quota_revision:
            self._quotas.clear()
            self._quota_revision = revision
        known = self._quotas.get((cluster, namespace))
        if known is None:
            found = self._source.list("", "resourcequotas", cluster, namespace)
            known = self._quotas[cluster, namespace] = [_parse(quota) for quota in found]
        return known


def _is_newer(shown: objects.Object, before: objects.Object | None) -> bool:
    return before is None or objects.resource_version(shown) > objects.resource_version(before)


def _parse(document: objects.Object) -> _Quota:
    hard = (document.get("spec") or {}).get("hard") or {}
    return _Quota(objects.name(document), quota_usage.readable(hard), document)


def _figures(names: list[str], added: dict[str, int], used: dict[str, int], quota: _Quota) -> str:
    hard = quota.document["spec"]["hard"]
    parts = []
    for label, amounts in (("requested", added), ("used", used)):
        shown = ",".join(f"{name}={quota_usage.text(name, amounts.get(name, 0))}" for name in names)
        parts.append(f"{label}: {shown}")
    parts.append("limited: " + ",".join(f"{name}={quantity.canonical(str(hard[name]))}" for name in names))
    return ", ".join(parts)
