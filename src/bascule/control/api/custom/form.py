"""How the objects of one version of a custom resource come out of the store and go into it.

Stored is the version that stores, pruned and defaulted by its schema of then. What was written under today's schema is
served as the bytes it is; another version of equal schema takes another apiVersion in its head; all else is decoded,
brought up to date, and converted: by renaming the version, or by a webhook, whose answers `prepare` gathers first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import orjson

from bascule.control.api.custom import compiled as compilation
from bascule.control.api.custom import webhook
from bascule.control.cache import record
from bascule.vocabulary import errors, fields, objects

TOKEN: Final = "@"
"""The name of the sidecar's field that says under which schema an object was written."""
_CONVERTED_MAX_BYTES: Final = 64 * 1024 * 1024

_Converted = tuple[objects.Key, int, str]


class Conversions:
    """What webhooks answered, by object, its version and the asked-for token; the least recently used go."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[_Converted, bytes] = OrderedDict()
        self._size_bytes = 0
        self.pending: dict[_Converted, asyncio.Future[None]] = {}

    def get(self, what: _Converted) -> bytes | None:
        found = self._bodies.get(what)
        if found is not None:
            self._bodies.move_to_end(what)
        return found

    def put(self, what: _Converted, body: bytes) -> None:
        self._size_bytes += len(body) - len(self._bodies.pop(what, b""))
        self._bodies[what] = body

    def trim(self) -> None:
        """Before new ones come, so that these are there until they are used."""
        while self._size_bytes > _CONVERTED_MAX_BYTES:
            self._size_bytes -= len(self._bodies.popitem(last=False)[1])


class Form:
    """One version's view of what is stored."""

    def __init__(
        self,
        made: compilation.Compiled,
        version: str,
        hook: webhook.Hook | None,
        converted: Conversions,
        uid: str,
        lives: Callable[[], bool],
    ) -> None:
        """`uid` of the definition: another's conversions are not this one's. `lives`: whether it is there still."""
        self._uid = uid
        self._lives = lives
        self._made = made
        self._own = made.definition.known[version]
        self.api_version = made.api_version(version)
        self._token = made.tokens[version]
        self._hook = hook
        self._converted = converted
        kind = made.definition.kind
        self._head = b'{"kind":%b,"apiVersion":%b,"metadata":' % (orjson.dumps(kind), orjson.dumps(self.api_version))

    # From the store

    @property
    def is_certain(self) -> bool:
        """Whether no webhook is asked."""
        return self._hook is None

    def is_plain(self, stored: record.Record) -> bool:
        """Whether the stored bytes are what is served."""
        return stored.field(TOKEN) == self._token

    def is_stale(self, stored: record.Record) -> bool:
        """Whether writing the object as it is shown would change what is stored: its version, or by today's schema."""
        if stored.field(TOKEN) == self._made.tokens[self._made.storage]:
            return False
        raw = stored.decode()
        return raw.get("apiVersion") != self._made.api_version(self._made.storage) or raw != self._current(stored)

    async def prepare(self, records: Iterable[record.Record]) -> None:
        """Before these are decoded or shown. Raises 500 when a webhook does not convert them."""
        hook = self._hook
        if hook is None:
            return
        self._converted.trim()
        foreign = {self._what(stored): stored for stored in records if self._is_foreign(stored)}.values()
        while missing := [stored for stored in foreign if self._converted.get(self._what(stored)) is None]:
            pending = [self._converted.pending.get(self._what(stored)) for stored in missing]
            mine = [stored for stored, other in zip(missing, pending, strict=True) if other is None]
            if mine:
                await self._convert(hook, mine)
            for other in pending:
                if other is not None:
                    await other

    async def _convert(self, hook: webhook.Hook, records: Sequence[record.Record]) -> None:
        """Once for all who ask meanwhile. If who asked first leaves, another asks again."""
        asked = [(self._what(stored), asyncio.get_running_loop().create_future()) for stored in records]
        self._converted.pending.update(asked)
        failure: errors.StatusError | None = None
        try:
            answers = await hook.convert([self._current(stored) for stored in records], self.api_version)
            for (what, _), converted in zip(asked, answers, strict=True):
                self._own.prune(converted)
                self._converted.put(what, orjson.dumps(converted))
        except errors.StatusError as error:
            failure = error
            raise
        finally:
            for what, waiting in asked:
                del self._converted.pending[what]
                if failure is None:
                    waiting.set_result(None)
                else:
                    waiting.set_exception(failure)
                    waiting.exception()  # Whether anybody waits for it or not.

    def _what(self, stored: record.Record) -> _Converted:
        return stored.key, stored.revision, f"{self._uid} {self._token}"

    def _is_foreign(self, stored: record.Record) -> bool:
        token = stored.field(TOKEN)
        if not token:
            return bool(stored.decode().get("apiVersion") != self.api_version)
        return token.partition(".")[0] != self._token.partition(".")[0]

    def _current(self, stored: record.Record) -> objects.Object:
        """In the version it is stored in, as that version's schema is now."""
        obj = stored.decode()
        name = obj["apiVersion"].rpartition("/")[2]
        version = self._made.definition.known.get(name)
        if version is not None and stored.field(TOKEN) != self._made.tokens[name]:
            version.prune(obj)
            version.default(obj)
        return obj

    def decode(self, stored: record.Record) -> objects.Object:
        """A fresh copy in this version; of what a webhook converts, after `prepare`."""
        if self.is_plain(stored):
            return stored.decode()
        if self._hook is not None and self._is_foreign(stored):
            return self._answered(stored)[0]
        obj = self._current(stored)
        if obj["apiVersion"] != self.api_version:
            obj["apiVersion"] = self.api_version
            self._own.prune(obj)
        return obj

    def body(self, stored: record.Record) -> bytes:
        """The JSON of `decode`."""
        if self.is_plain(stored):
            return stored.body()
        if self._is_foreign(stored):
            if self._hook is not None:
                return self._answered(stored)[1]
            if self._made.same_content(stored.field(TOKEN), self._token):
                prefix, suffix = stored.pieces()
                return b'%b%b"%d"%b' % (self._head, prefix.partition(b',"metadata":')[2], stored.revision, suffix)
        return orjson.dumps(self.decode(stored))

    def _answered(self, stored: record.Record) -> tuple[objects.Object, bytes]:
        found = self._converted.get(self._what(stored))
        if found is None:
            raise errors.service_unavailable("the object was converted too long ago; try again", retry_after_seconds=1)
        obj: objects.Object = orjson.loads(found)
        return obj, found

    # Into the store

    async def draft(self, obj: objects.Object) -> record.Draft:
        """The object, which is of this version and stays as it is, as it is stored. 404 when its kind is no more."""
        made, name = self._made, self._made.storage
        storing = made.definition.known[name]
        wanted = obj
        if obj["apiVersion"] != made.api_version(name):
            wanted = await self._to(obj, made.api_version(name))
            if not made.same_content(self._token, made.tokens[name]):
                storing.prune(wanted)
                storing.default(wanted)
        selectable = {**storing.strategy.selectable_fields(wanted), TOKEN: made.tokens[name]}
        if self._hook is not None:
            selectable |= await self._selectable_elsewhere(obj, name)
        if not self._lives():
            raise errors.path_not_found()  # The request was under way when the definition went.
        return record.draft(wanted, selectable)

    async def _to(self, obj: objects.Object, api_version: str) -> objects.Object:
        if obj["apiVersion"] == api_version:
            return obj
        if self._hook is not None:
            return (await self._hook.convert([obj], api_version))[0]
        copy: objects.Object = objects.deep_copy(obj)
        copy["apiVersion"] = api_version
        return copy

    async def _selectable_elsewhere(self, obj: objects.Object, storage: str) -> dict[str, str]:
        """What other versions' selectors ask for, found out while the object is at hand: selecting cannot wait."""
        found: dict[str, str] = {}
        for name, version in self._made.definition.known.items():
            if name == storage or not version.selectable:
                continue
            try:
                values = version.strategy.selectable_fields(await self._to(obj, self._made.api_version(name)))
            except errors.StatusError:
                continue  # Not chosen by these fields until it is written again: no reason to refuse it.
            token = self._made.tokens[name]
            found |= {f"{token}:{path}": value for path, value in values.items() if path in version.selectable}
        return found

    # Selecting

    def selector(self, wanted: fields.FieldSelector) -> fields.FieldSelector:
        """The selector as the cache evaluates it: other than metadata's fields are this version's to find."""
        if all(requirement.field.startswith("metadata.") for requirement in wanted.requirements):
            return wanted
        qualified = [
            requirement
            if requirement.field.startswith("metadata.")
            else requirement._replace(field=f"{self._token}:{requirement.field}")
            for requirement in wanted.requirements
        ]
        made = _Selector(tuple(qualified))
        made.form = self
        return made

    def value(self, candidate: record.Record, field: str) -> str:
        """A selectable field of an object as this version shows it."""
        if self.is_plain(candidate):
            return candidate.field(field)
        if self._hook is not None and self._is_foreign(candidate):
            return candidate.field(f"{self._token}:{field}")
        return self._own.strategy.selectable_fields(self.decode(candidate)).get(field, "")


class _Selector(fields.FieldSelector):
    """Requirements whose fields are written with a version's token, which tells them from other versions'."""

    form: Form

    @property
    def is_costly(self) -> bool:
        return True

    def value(self, candidate: fields.Fielded, field: str) -> str:
        _, colon, path = field.partition(":")
        if colon and isinstance(candidate, record.Record):
            return self.form.value(candidate, path)
        return candidate.field(field)
