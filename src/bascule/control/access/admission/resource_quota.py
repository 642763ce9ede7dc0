"""ResourceQuota: what a namespace may hold is never exceeded, not even by concurrent creates.

Use is counted from what the reader shows, plus what has been admitted and is not visible yet. An admitted write holds a
`Reservation` until it is visible or has failed; so the sum is never too small. One server process holds the ledger.
"""

import itertools
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple

from bascule.control.access import reader
from bascule.control.access.admission import context, quota_sums, quota_usage, request
from bascule.vocabulary import objects, quantity

_REMEMBERED_MAX: Final = 100_000


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


_NOTHING: Final = Reservation()


class Ledger:
    def __init__(self, source: reader.Reader) -> None:
        self._source = source
        self._tickets = itertools.count(1)
        self._held: dict[quota_sums.Place, dict[int, _Hold]] = {}
        self._quotas: dict[tuple[str, str], Sequence[quota_sums.Quota]] = {}
        self._quota_revision = -1
        self._visible_sums = quota_sums.Sums(source)

    def reserve(self, asked: request.AdmissionRequest, obj: objects.Object | None) -> Reservation:
        """StatusError 403 when a quota of the namespace would be exceeded."""
        if obj is None or not asked.namespace:
            return _NOTHING
        if asked.operation == "UPDATE" and asked.subresource not in ("", "resize"):
            return _NOTHING
        if asked.operation not in ("CREATE", "UPDATE") or (asked.operation == "CREATE" and asked.subresource):
            return _NOTHING
        quotas = self._quotas_of(asked.cluster, asked.namespace)
        if not quotas:
            return _NOTHING
        group, plural = asked.resource.group, asked.resource.plural
        place = (asked.cluster, asked.namespace, group, plural)
        held = self._held.setdefault(place, {})
        if self._check(asked, obj, quotas, place) and not asked.dry_run:
            ticket = next(self._tickets)
            held[ticket] = _Hold(objects.uid(obj), obj, asked.old)
            return Reservation(held, ticket)
        return _NOTHING

    def _check(
        self,
        asked: request.AdmissionRequest,
        obj: objects.Object,
        quotas: Sequence[quota_sums.Quota],
        place: quota_sums.Place,
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

    def _require_stated(self, asked: request.AdmissionRequest, obj: objects.Object, quota: quota_sums.Quota) -> None:
        lacking = quota_usage.missing(quota.hard, obj)
        if lacking:
            shown = "; ".join(f"{name} for: {','.join(containers)}" for name, containers in lacking)
            raise context.forbid(asked, f"failed quota: {quota.name}: must specify {shown}")

    def _used(self, quota: quota_sums.Quota, place: quota_sums.Place) -> dict[str, int]:
        used = dict(self._visible_sums.of(quota, place))
        cluster, namespace, group, plural = place
        for hold in list(self._held.get(place, {}).values()):
            shown = self._source.get(group, plural, cluster, namespace, objects.name(hold.obj))
            if shown is not None and objects.uid(shown) == hold.uid and _is_newer(shown, hold.before):
                continue  # already counted as visible
            quota_sums.add(used, quota, place, hold.obj)
            if hold.before is not None:
                quota_sums.take(used, quota, place, hold.before)
        return used

    def _quotas_of(self, cluster: str, namespace: str) -> Sequence[quota_sums.Quota]:
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


def _parse(document: objects.Object) -> quota_sums.Quota:
    hard = (document.get("spec") or {}).get("hard") or {}
    return quota_sums.Quota(objects.name(document), quota_usage.readable(hard), document)


def _figures(names: list[str], added: dict[str, int], used: dict[str, int], quota: quota_sums.Quota) -> str:
    hard = quota.document["spec"]["hard"]
    parts = []
    for label, amounts in (("requested", added), ("used", used)):
        shown = ",".join(f"{name}={quota_usage.text(name, amounts.get(name, 0))}" for name in names)
        parts.append(f"{label}: {shown}")
    parts.append("limited: " + ",".join(f"{name}={quantity.canonical(str(hard[name]))}" for name in names))
    return ", ".join(parts)
