"""Logical clusters come into being when a master first writes to them: their default objects are made then."""

from __future__ import annotations

import asyncio

from bascule.control.access import user
from bascule.control.api import assembly, route
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.vocabulary import builtins, objects


class Clusters:
    """Which clusters are known to have their defaults."""

    def __init__(self, platform: platforms.Platform) -> None:
        self._platform = platform
        self._known = {objects.ROOT}
        self._lock = asyncio.Lock()

    def has(self, cluster: str) -> bool:
        """Whether there is nothing to ensure."""
        return cluster in self._known

    async def ensure(self, call: calls.Call) -> None:
        """Makes the call's cluster usable, if its caller may make clusters."""
        cluster = call.cluster
        if cluster in self._known or cluster == route.EVERY_CLUSTER or user.MASTERS not in call.user.groups:
            return
        async with self._lock:
            if cluster in self._known:
                return
            namespaces = self._platform.endpoint_of(builtins.NAMESPACES).records
            if namespaces.get(objects.Key(cluster, "", "default")) is None:
                await assembly.create_defaults(self._platform, cluster)
            self._known.add(cluster)
