"""Puts a platform together over an open store: caches loaded, access wired, defaults created."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bascule.bridge.identity import token_keys
from bascule.control.access import account_secrets, authentication, authorization, bootstrap, tokens
from bascule.control.access.admission import chain
from bascule.control.api import allocation, options, pipeline, platform, reader
from bascule.control.api import call as calls
from bascule.control.api.custom import definitions, webhook
from bascule.control.api.streaming import bridge as bridges
from bascule.control.cache import cache, record
from bascule.control.store import contract
from bascule.vocabulary import builtins, clock, errors, objects

if TYPE_CHECKING:
    from bascule.bridge.identity import authority

_log = logging.getLogger(__name__)
_MANAGER: Final = options.WriteOptions(field_manager="bascule")


async def assemble(
    store: contract.Store,
    *,
    settings: platform.Settings,
    keys: token_keys.Keys,
    ca: Callable[[], authority.Authority],
    ca_pem: bytes,
    bridge: bridges.Bridge,
    time: clock.Clock,
    source: random.Random,
) -> platform.Platform:
    """Ready to serve, but for the default objects (`create_defaults`). `ca` is asked when there is one to sign."""
    caches = cache.Cache(store, time)
    await caches.start(settled=False)
    made = await platform.endpoints(builtins.REGISTRY, caches)
    view = reader.CacheReader(caches)
    authorizer = authorization.Authorizer(view)
    services = allocation.Services(settings.service_range, settings.node_ports, source)
    assembled = platform.Platform(
        settings=settings,
        store=store,
        cache=caches,
        time=time,
        random=source,
        registry=builtins.REGISTRY,
        endpoints=made,
        reader=view,
        authenticator=authentication.Authenticator(
            view, keys=keys, issuer=settings.issuer, time=time, static=settings.static_tokens
        ),
        authorizer=authorizer,
        admission=chain.Chain(view, authorizer=authorizer, time=time, filler=account_secrets.Filler(keys, ca_pem)),
        issuer=tokens.Issuer(view, keys=keys, issuer=settings.issuer, time=time),
        keys=keys,
        authority=ca,
        services=services,
        custom=definitions.Definitions(
            caches,
            made["apiextensions.k8s.io", "v1", "customresourcedefinitions"].records,
            builtins.REGISTRY,
            webhook.Webhooks(view, source),
        ),
        bridge=bridge,
        client_ca=ca_pem.decode(),
    )
    stored = assembled.endpoint_of(builtins.SERVICES).records.list()
    services.rebuild(service.decode() for service in stored.records)
    return assembled


async def create_defaults(
    assembled: platform.Platform, cluster: str = objects.ROOT, *, only_essential: bool = False
) -> None:
    """Creates what every cluster starts with and is missing, and restores the rights that components need."""
    settings = assembled.settings
    here = bootstrap.Settings(
        settings.service_range, settings.advertised, settings.port, cluster, client_ca=assembled.client_ca
    )
    wanted = bootstrap.essential(here) if only_essential else bootstrap.desired(here)
    for obj in wanted:
        if obj["kind"] == "Service" and cluster != objects.ROOT:
            # Addresses are one space for all clusters: only root's own has the first.
            for field in ("clusterIP", "clusterIPs"):
                obj["spec"].pop(field, None)
    namespaces = [obj for obj in wanted if obj["kind"] == "Namespace"]
    for obj in namespaces:
        await _ensure_or_report(assembled, obj, cluster)
    others = (obj for obj in wanted if obj["kind"] != "Namespace")
    await asyncio.gather(*(_ensure_or_report(assembled, obj, cluster) for obj in others))


async def _ensure_or_report(assembled: platform.Platform, obj: objects.Object, cluster: str) -> None:
    try:
        await _ensure(assembled, obj, cluster)
    except errors.StatusError as error:
        _log.error("a default object could not be written: %s", error.message)


async def _ensure(assembled: platform.Platform, wanted: objects.Object, cluster: str) -> None:
    row = assembled.registry.by_kind(wanted["apiVersion"], wanted["kind"])
    if row is None:
        raise TypeError(f"a default object of unknown kind {wanted['kind']}")
    call = calls.Call(
        endpoint=assembled.endpoint_of(row),
        user=platform.SELF,
        verb="create",
        cluster=cluster,
        namespace=objects.namespace(wanted),
        name=objects.name(wanted),
        options=_MANAGER,
    )
    status = wanted.get("status")
    current = call.endpoint.records.get(call.key)
    if current is not None and bootstrap.is_misdirected(call.endpoint.decode(current), wanted):
        with pipeline.translated(call):
            await call.endpoint.records.delete(current.key, current.revision)
        _log.warning("%s %s was to another role than it must be, and is made anew", wanted["kind"], call.name)
        current = None
    if current is None:
        await pipeline.create(assembled, call, objects.deep_copy(wanted))
        if status:
            call.subresource, call.verb = "status", "update"
            await pipeline.update(assembled, call, lambda obj, _: {**obj, "status": status}, retry=True)
        return
    changed = bootstrap.reconcile(call.endpoint.decode(current), wanted)
    if changed is not None:
        call.verb = "update"

        def change(_: objects.Object, stored: record.Record) -> objects.Object:
            return bootstrap.reconcile(call.endpoint.decode(stored), wanted) or call.endpoint.decode(stored)

        await pipeline.update(assembled, call, change, retry=True)
