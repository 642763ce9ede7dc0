"""How much a run does, and what it needs on a server that it measures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from bench import samples, target, wire
from bench.figures import Figure


@dataclass(frozen=True)
class Plan:
    """``raw``: what the bare server takes now, in µs."""

    quick: bool
    raw: Callable[[], Awaitable[float]]

    @property
    def operations(self) -> int:
        """Of each kind, in each round."""
        return 2_000 if self.quick else 10_000

    @property
    def rounds(self) -> int:
        return 3


Requests = Callable[[int], Iterable[bytes]]
"""Those of a round."""

Suite = Callable[[Plan], Awaitable[Sequence[Figure]]]
_DELETIONS_MAX: Final = 50

ApiSuite = Callable[[Plan, target.Target], Awaitable[Sequence[Figure]]]


async def prepare(to: target.Target) -> None:
    """The namespace of the load with the account that pods run as."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": samples.NAMESPACE}}
    await wire.expect(to, to.request("POST", "/api/v1/namespaces", samples.encode(namespace)), 409)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await wire.expect(to, to.request("POST", f"{samples.CORE}/serviceaccounts", samples.encode(account)), 409)


async def clear(to: target.Target) -> None:
    """Removes what the load made, so that a run on a peer leaves nothing behind and the next suite begins anew.

    The namespace is emptied and finalized from here: a bare API server has no controller that would.
    """
    namespace = f"/api/v1/namespaces/{samples.NAMESPACE}"
    await wire.expect(to, to.request("DELETE", namespace), 404, 409)
    for plural in ("pods?gracePeriodSeconds=0", "configmaps", "serviceaccounts"):
        await _empty(to, f"{samples.CORE}/{plural}")
    final = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": samples.NAMESPACE},
        "spec": {"finalizers": []},
    }
    await wire.expect(to, to.request("PUT", f"{namespace}/finalize", samples.encode(final)), 404, 409)


async def version(to: target.Target, path: str) -> str:
    """The version that a list shows now."""
    found: str = orjson.loads(await wire.expect(to, to.request("GET", path)))["metadata"]["resourceVersion"]
    return found


async def build(to: target.Target) -> str:
    """What the server says it is, as in ``v1.36.0``."""
    return str(orjson.loads(await wire.expect(to, to.request("GET", "/version")))["gitVersion"])


async def _empty(to: target.Target, path: str) -> None:
    """Deletes a collection. A server that takes longer than a request may says 504, and has deleted what it could."""
    for _ in range(_DELETIONS_MAX):
        status, body = await wire.ask(to, to.request("DELETE", path))
        if status != 504:
            if status not in (200, 404):
                raise wire.BadAnswer(f"DELETE {path}: {status} {body[:500].decode(errors='replace')}")
            return
    raise wire.BadAnswer(f"DELETE {path}: not empty after {_DELETIONS_MAX} requests that took too long")
