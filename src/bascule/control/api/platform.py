"""Everything a request may need, put together once at start: caches by resource, access, clock, allocators."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bascule.bridge.identity import token_keys
from bascule.control import kinds
from bascule.control.access import authentication, authorization, tokens, user
from bascule.control.access.admission import chain
from bascule.control.api import allocation, conversion, endpoint, reader, slow, watches
from bascule.control.api.custom import definitions
from bascule.control.api.streaming import bridge as bridges
from bascule.control.cache import cache
from bascule.control.kinds import strategy
from bascule.control.schema import catalog, types
from bascule.control.store import contract
from bascule.vocabulary import clock, resources, timestamps

if TYPE_CHECKING:
    from bascule.bridge.identity import authority

SELF: Final = user.User("bascule:api", (user.MASTERS, user.AUTHENTICATED))
"""As whom the server itself writes."""
_SECOND: Final = timedelta(seconds=1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator chooses; ranges are CIDR text and an inclusive pair of ports."""

    service_range: str = "10.96.0.0/16"
    node_ports: tuple[int, int] = (30000, 32767)
    issuer: str = "https://kubernetes.default.svc"
    host: str = "127.0.0.1"
    port: int = 6443
    advertised: str = "127.0.0.1"
    """The address at which pods and nodes reach this server."""
    static_tokens: Mapping[str, user.User] = field(default_factory=dict)
    """Users by tokens that the operator listed."""


@dataclass(slots=True)
class Platform:
    settings: Settings
    store: contract.Store
    cache: cache.Cache
    time: clock.Clock
    random: random.Random
    registry: resources.Registry
    endpoints: dict[tuple[str, str, str], endpoint.Endpoint]
    reader: reader.CacheReader
    authenticator: authentication.Authenticator
    authorizer: authorization.Authorizer
    admission: chain.Chain
    issuer: tokens.Issuer
    keys: token_keys.Keys
    authority: Callable[[], authority.Authority]
    services: allocation.Services
    custom: definitions.Definitions
    bridge: bridges.Bridge
    client_ca: str
    """The PEM of who signs clients' certificates."""
    watches: watches.Watches = field(default_factory=watches.Watches)
    slow: slow.Slow = field(default_factory=slow.Slow)
    is_connected: Callable[[Collection[str]], bool] = lambda names: False
    """Whether somebody of these names has a connection now, by a client certificate."""
    _second: datetime = _LONG_AGO
    _following: datetime = _LONG_AGO
    _now: str = ""

    def endpoint_of(self, resource: resources.Resource) -> endpoint.Endpoint:
        """The endpoint of a built-in row."""
        return self.endpoints[resource.group, resource.version, resource.plural]

    def context(self) -> strategy.Context:
        return strategy.Context(self.time.now(), self.random)

    def now(self) -> str:
        """The current second, as objects carry it."""
        moment = self.time.now()
        if not self._second <= moment < self._following:
            self._second, self._now = moment.replace(microsecond=0), timestamps.format(moment)
            self._following = self._second + _SECOND
        return self._now


async def endpoints(registry: resources.Registry, caches: cache.Cache) -> dict[tuple[str, str, str], endpoint.Endpoint]:
    """An endpoint for each row; every stored resource is loaded."""
    made = {}
    for row in registry:
        group, plural = row.stored_as or (row.group, row.plural)
        kind, converted = kinds.strategy_for(row.group, row.plural), conversion.of(row)
        made[row.group, row.version, row.plural] = endpoint.Endpoint(
            resource=row,
            strategy=kind,
            schema=catalog.schema_of(row.api_version, row.kind) or types.ANYTHING,
            cache=await caches.resource(group, plural) if row.is_stored else None,
            selectable=_selectable(kind, converted),
            conversion=converted,
            reset_fields=_reset_fields(kind),
            warning=kind.deprecated,
            list_head=b'{"kind":"%b","apiVersion":"%b","metadata":'
            % (row.list_kind.encode(), row.api_version.encode()),
        )
    return made


def _reset_fields(kind: strategy.Strategy) -> dict[str, Any]:
    """By subresource, the fields that a write through it never owns because it cannot change them."""
    kept = ("ownerReferences", "finalizers", *(("labels",) if kind.status_keeps_labels else ()))
    by_status: dict[str, Any] = {"f:spec": {}, "f:metadata": {f"f:{name}": {} for name in kept}}
    return {"": {"f:status": {}}, "status": by_status} if kind.status else {}


def _selectable(kind: strategy.Strategy, converted: endpoint.Conversion | None) -> frozenset[str]:
    """What may be selected by, in the version's own names."""
    stored = {"metadata.name", "metadata.namespace", *kind.selectable_fields({"metadata": {}})}
    renamed = converted.fields if converted is not None else {}
    return frozenset(stored - set(renamed.values()) | set(renamed))
