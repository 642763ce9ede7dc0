"""A resource's current records in key order, grouped by namespace so that reading one costs what it holds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

from bascule.control.cache import keys, names, record, scope
from bascule.vocabulary import objects


class _Bucket:
    """One namespace of one cluster."""

    __slots__ = ("cluster", "names", "namespace", "records")

    def __init__(self, cluster: str, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.records: dict[str, record.Record] = {}
        self.names = names.Names()


class Shelf:
    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._order: list[str] = []
        self._by_text: dict[str, _Bucket] = {}
        self._count = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: objects.Key) -> record.Record | None:
        bucket = self._buckets.get(key[:2])
        return bucket.records.get(key.name) if bucket is not None else None

    def put(self, key: objects.Key, revision: int, draft: record.Draft) -> tuple[record.Record, record.Record | None]:
        """The new record, whose key shares its texts with what is here, and what was there."""
        bucket = self._buckets.get(key[:2]) or self._add_bucket(key)
        name = key.name
        previous = bucket.records.get(name)
        if previous is None:
            new = record.Record(objects.Key(bucket.cluster, bucket.namespace, name), revision, draft)
            bucket.names.add(name)
            self._count += 1
        else:
            new = record.Record(previous.key, revision, draft)
            self.size_bytes -= previous.size_bytes()
        bucket.records[name] = new
        self.size_bytes += len(draft.value)
        return new, previous

    def extend(self, records: Sequence[record.Record]) -> None:
        """Puts records of one namespace that follow, in order, all that the namespace has."""
        if not records:
            return
        key = records[0].key
        bucket = self._buckets.get(key[:2]) or self._add_bucket(key)
        following = [new.key.name for new in records]
        bucket.records.update(zip(following, records, strict=True))
        bucket.names.extend(following)
        self._count += len(records)
        self.size_bytes += sum(new.size_bytes() for new in records)

    def _add_bucket(self, key: objects.Key) -> _Bucket:
        bucket = _Bucket(key.cluster, key.namespace)
        text = keys.bucket(key.cluster, key.namespace)
        self._buckets[key[:2]] = self._by_text[text] = bucket
        insort(self._order, text)
        return bucket

    def remove(self, key: objects.Key) -> record.Record | None:
        """Returns what was there."""
        bucket = self._buckets.get(key[:2])
        previous = bucket.records.pop(key.name, None) if bucket is not None else None
        if bucket is None or previous is None:
            return None
        bucket.names.remove(key.name)
        self._count -= 1
        self.size_bytes -= previous.size_bytes()
        if not bucket.records:
            text = keys.bucket(key.cluster, key.namespace)
            del self._buckets[key[:2]], self._by_text[text]
            del self._order[bisect_left(self._order, text)]
        return previous

    def _within(self, within: scope.Scope) -> list[str]:
        """The scope's buckets, in order."""
        cluster, namespace = within
        if cluster is None:
            if namespace is None:
                return self._order
            return [text for text in self._order if self._by_text[text].namespace == namespace]
        if namespace is not None:
            text = keys.bucket(cluster, namespace)
            return [text] if text in self._by_text else []
        low = bisect_left(self._order, f"{cluster}/")
        return self._order[low : bisect_left(self._order, f"{cluster}0", low)]  # "0" follows "/"

    def records(self, within: scope.Scope, after: objects.Key | None = None) -> Iterator[record.Record]:
        """Those of the scope above ``after``, in order."""
        for bucket, name in self._from(within, after):
            records = bucket.records
            for following in bucket.names.after(name):
                yield records[following]

    def _from(self, within: scope.Scope, after: objects.Key | None) -> Iterator[tuple[_Bucket, str]]:
        """The buckets that may hold more, each with the name to go on after."""
        texts = self._within(within)
        if after is None:
            for text in texts:
                yield self._by_text[text], ""
            return
        start, name = keys.order(after)
        for text in texts[bisect_left(texts, start) :]:
            yield self._by_text[text], name if text == start else ""

    def count(self, within: scope.Scope, after: objects.Key | None = None) -> int:
        """How many ``records`` would give."""
        if within == scope.EVERYWHERE and after is None:
            return self._count
        return sum(
            bucket.names.count_after(name) if name else len(bucket.records)
            for bucket, name in self._from(within, after)
        )

    def named(self, within: scope.Scope, name: str) -> Iterator[record.Record]:
        """Those of one name, in order."""
        for text in self._within(within):
            found = self._by_text[text].records.get(name)
            if found is not None:
                yield found
