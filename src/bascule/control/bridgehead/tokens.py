"""Service-account tokens for pods' projected volumes: asked for as the node, renewed at four fifths of their life.

A token that cannot be renewed stays what it was; the node keeps using it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from bascule.client import api, faults
from bascule.control.bridgehead import acting, shape, world
from bascule.vocabulary import builtins, errors, objects, timestamps
from bascule.vocabulary import clock as clocks

RENEW_AT = 0.8
RETRY_SECONDS = 2.0
DEFAULT_LIFETIME_SECONDS = 3600
CONCURRENT_REQUESTS = 16

_log = logging.getLogger(__name__)


class Tokens:
    def __init__(self, client: api.Client, known: world.World, clock: clocks.Clock) -> None:
        self._client = client
        self._world = known
        self._clock = clock
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._asking = asyncio.Semaphore(CONCURRENT_REQUESTS)
        known.on_change(self._changed)

    async def close(self) -> None:
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)

    def _changed(self, change: world.Change) -> None:
        kind, name = change.item
        if kind != "tokens":
            return
        wanted = bool(self._world.relevance.audience(change.item))
        if wanted and name not in self._keepers:
            self._keepers[name] = asyncio.create_task(self._keep(name))
        elif not wanted and name in self._keepers:
            self._keepers.pop(name).cancel()
            self._world.set_tokens(name, None)

    async def _keep(self, name: str) -> None:
        uid = objects.Key.parse(name).name
        while True:
            # The informer files a pod under its uid only after it has announced it.
            await asyncio.sleep(0)
            pod = self._world.pod_of(uid)
            if pod is None:
                return
            pause_seconds = RETRY_SECONDS
            try:
                issued = [await self._ask(pod, audience, seconds) for audience, seconds in requested(pod)]
                self._world.set_tokens(name, shape.tokens(pod, issued))
                pause_seconds = min(self._until_renewal(entry) for entry in issued)
            except (errors.StatusError, faults.Unreachable) as error:
                _log.warning("no token for pod %s yet: %s", objects.key(pod).text(), error)
            except ValueError as error:
                _log.error("the API server's token for pod %s is not understood: %s", objects.key(pod).text(), error)
            await self._clock.sleep(pause_seconds)

    async def _ask(self, pod: objects.Object, audience: str, lifetime_seconds: int) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "audiences": [audience] if audience else [],
            "expirationSeconds": lifetime_seconds,
            "boundObjectRef": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": objects.name(pod),
                "uid": objects.uid(pod),
            },
        }
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        key = objects.key(pod)
        account = (pod.get("spec") or {}).get("serviceAccountName") or "default"
        node = self._world.relevance.node_of(key.text())
        async with self._asking:
            answer = await self._client.create(
                builtins.SERVICE_ACCOUNTS,
                request,
                namespace=key.namespace,
                cluster=key.cluster,
                name=account,
                subresource="token",
                **acting.as_node(node),
            )
        status = answer.get("status") or {}
        return {
            "audience": audience,
            "expirationSeconds": lifetime_seconds,
            "token": str(status.get("token") or ""),
            "expirationTimestamp": str(status.get("expirationTimestamp") or ""),
        }

    def _until_renewal(self, entry: dict[str, Any]) -> float:
        expires = timestamps.parse(entry["expirationTimestamp"])
        left: timedelta = expires - self._clock.now()
        return max(RETRY_SECONDS, left.total_seconds() * RENEW_AT)


def requested(pod: objects.Object) -> Iterator[tuple[str, int]]:
    """(audience, lifetime in seconds) of each token the pod's volumes ask for, each once."""
    seen: dict[str, int] = {}
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            wanted = source.get("serviceAccountToken")
            if wanted is not None:
                audience = wanted.get("audience") or ""
                lifetime_seconds = int(wanted.get("expirationSeconds") or DEFAULT_LIFETIME_SECONDS)
                seen[audience] = min(seen.get(audience, lifetime_seconds), lifetime_seconds)
    yield from seen.items()
