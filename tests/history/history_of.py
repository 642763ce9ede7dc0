"""How a history begins: with the whole resource as it is before anybody writes."""

from __future__ import annotations

from tests.history import kind as kinds
from tests.history import record, wire


async def base(through: wire.Wire, kind: kinds.Kind) -> record.History:
    everywhere = kinds.views(kind)[0]
    body = await through.shown(everywhere.path, "application/json")
    items = [(wire.key(item), record.content(item)) for item in body["items"]]
    return record.History(record.Listed(everywhere, int(body["metadata"]["resourceVersion"]), items, 0))
