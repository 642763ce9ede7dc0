"""`Client`: the verbs of the Kubernetes API on (resource, cluster, namespace, name).

Invariant: every call ends within a bounded time with a value, `errors.StatusError` or `faults.Unreachable`.
Objects name their own cluster and namespace where they carry them; everything else says so in arguments.
It keeps no copy of anything: that is `informer`.
"""

import random
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, TypedDict, Unpack, cast

import orjson

from bascule.client import kubeconfig, retry, transport, watching
from bascule.vocabulary import objects, resources

PATCH_TYPES: Mapping[str, str] = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
"""For `accept`: metadata alone, where the server can; readers must bear more."""


class Options(TypedDict, total=False):
    """What any call may add: whom to act as, how long to wait, and the parameters of writes."""

    as_user: str
    as_groups: Sequence[str]
    timeout_seconds: float
    field_manager: str
    dry_run: bool
    accept: str


class Client:
    """Used inside one event loop: `async with Client(kubeconfig.load(path)) as client:`."""

    def __init__(
        self,
        connection: kubeconfig.Connection,
        *,
        user_agent: str = "bascule",
        timeout_seconds: float = 30.0,
        policy: retry.Policy | None = None,
        source: random.Random | None = None,
    ) -> None:
        self._wire = transport.Transport(connection, user_agent=user_agent, policy=policy, source=source)
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._wire.close()

    async def get(
        self,
        resource: resources.Resource,
        name: str,
        *,
        namespace: str = "",
        cluster: str = objects.ROOT,
        subresource: str | None = None,
        **options: Unpack[Options],
    ) -> objects.Object:
        path = _path(resource, cluster, namespace, name, subresource)
        return _object(await self._call("GET", path, {}, None, options))

    async def list(
        self,
        resource: resources.Resource,
        *,
        namespace: str = "",
        cluster: str = objects.ROOT,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
        **options: Unpack[Options],
    ) -> objects.Object:
        """The list document (one page if `limit` is given). `namespace=""` is all of them."""
        query = _selection(label_selector, field_selector)
        if limit:
            query["limit"] = str(limit)
        if continue_token:
            query["continue"] = continue_token
        elif resource_version:
            query["resourceVersion"] = resource_version
        path = _path(resource, cluster, namespace)
        document = _object(await self._call("GET", path, query, None, options))
        document["items"] = document.get("items") or []
        for item in document["items"]:
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return document

    async def create(
        self,
        resource: resources.Resource,
        body: objects.Object,
        *,
        namespace: str | None = None,
        cluster: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
        **options: Unpack[Options],
    ) -> objects.Object:
        """POST; `name` and `subresource` together post to a subresource (binding, eviction, token)."""
        path = _path(
            resource,
            objects.cluster(body) if cluster is None else cluster,
            objects.namespace(body) if namespace is None else namespace,
            name,
            subresource,
        )
        return _object(await self._call("POST", path, _writing(options), transport.encode(body), options))

    async def update(
        self,
        resource: resources.Resource,
        body: objects.Object,
        *,
        cluster: str | None = None,
        subresource: str | None = None,
        **options: Unpack[Options],
    ) -> objects.Object:
        """PUT of the whole object; its `resourceVersion`, if present, must still be the current one."""
        where = objects.cluster(body) if cluster is None else cluster
        path = _path(resource, where, objects.namespace(body), objects.name(body), subresource)
        return _object(await self._call("PUT", path, _writing(options), transport.encode(body), options))

    async def update_status(
        self,
        resource: resources.Resource,
        body: objects.Object,
        *,
        cluster: str | None = None,
        **options: Unpack[Options],
    ) -> objects.Object:
        return await self.update(resource, body, cluster=cluster, subresource="status", **options)

    async def patch(
        self,
        resource: resources.Resource,
        name: str,
        body: Any,
        *,
        kind: str = "merge",
        namespace: str = "",
        cluster: str = objects.ROOT,
        subresource: str | None = None,
        force: bool = False,
        **options: Unpack[Options],
    ) -> objects.Object:
        """PATCH; `kind` is json, merge, strategic or apply (which needs `field_manager`; `force` takes fields)."""
        query = _writing(options)
        if force:
            query["force"] = "true"
        path = _path(resource, cluster, namespace, name, subresource)
        encoded = transport.encode(body)
        return _object(await self._call("PATCH", path, query, encoded, options, PATCH_TYPES[kind]))

    async def delete(
        self,
        resource: resources.Resource,
        name: str,
        *,
        namespace: str = "",
        cluster: str = objects.ROOT,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
        grace_seconds: int | None = None,
        **options: Unpack[Options],
    ) -> objects.Object:
        """DELETE; `propagation` is Background, Foreground or Orphan; uid and version are preconditions."""
        body = _delete_options(uid, resource_version, propagation, grace_seconds)
        path = _path(resource, cluster, namespace, name)
        return _object(await self._call("DELETE", path, _writing(options), transport.encode(body), options))

    async def delete_collection(
        self,
        resource: resources.Resource,
        *,
        namespace: str = "",
        cluster: str = objects.ROOT,
        label_selector: str = "",
        field_selector: str = "",
        propagation: str | None = None,
        **options: Unpack[Options],
    ) -> objects.Object:
        query = _selection(label_selector, field_selector) | _writing(options)
        body = transport.encode(_delete_options(None, None, propagation, None))
        path = _path(resource, cluster, namespace)
        return _object(await self._call("DELETE", path, query, body, options))

    def watch(
        self,
        resource: resources.Resource,
        *,
        namespace: str = "",
        cluster: str = objects.ROOT,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        send_initial_events: bool = False,
        server_timeout_seconds: int = 0,
        silence_seconds: float = 150.0,
        **options: Unpack[Options],
    ) -> watching.Watch:
        """`async with client.watch(...) as events: async for event in events:`; see `watching`."""
        query = _selection(label_selector, field_selector)
        query |= {"watch": "true", "allowWatchBookmarks": "true"}
        if resource_version:
            query["resourceVersion"] = resource_version
        if send_initial_events:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        if server_timeout_seconds:
            query["timeoutSeconds"] = str(server_timeout_seconds)
        request = transport.Request(
            "GET",
            _path(resource, cluster, namespace),
            query,
            accept=options.get("accept", "application/json"),
            as_user=options.get("as_user"),
            as_groups=options.get("as_groups", ()),
        )
        return watching.Watch(self._wire, request, silence_seconds=silence_seconds)

    async def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        **options: Unpack[Options],
    ) -> bytes:
        """Any path of the server; `body` is encoded as JSON unless it is bytes. The undecoded answer."""
        encoded = body if body is None or isinstance(body, bytes) else transport.encode(body)
        return await self._call(method, path, query or {}, encoded, options, content_type)

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        options: Options,
        content_type: str = "application/json",
    ) -> bytes:
        request = transport.Request(
            method,
            path,
            query,
            body,
            content_type=content_type,
            accept=options.get("accept", "application/json"),
            as_user=options.get("as_user"),
            as_groups=options.get("as_groups", ()),
        )
        timeout_seconds = options.get("timeout_seconds", self._timeout_seconds)
        return await self._wire.call(request, timeout_seconds=timeout_seconds)


def _path(
    resource: resources.Resource,
    cluster: str,
    namespace: str,
    name: str | None = None,
    subresource: str | None = None,
) -> str:
    return resource.path(namespace, name or "", subresource or "", cluster=cluster)


def _object(answer: bytes) -> objects.Object:
    return cast(objects.Object, orjson.loads(answer))


def _selection(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    return query


def _writing(options: Options) -> dict[str, str]:
    query = {}
    if "field_manager" in options:
        query["fieldManager"] = options["field_manager"]
    if options.get("dry_run"):
        query["dryRun"] = "All"
    return query


def _delete_options(
    uid: str | None, resource_version: str | None, propagation: str | None, grace_seconds: int | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
    preconditions = {"uid": uid, "resourceVersion": resource_version}
    if uid or resource_version:
        body["preconditions"] = {name: value for name, value in preconditions.items() if value}
    if propagation:
        body["propagationPolicy"] = propagation
    if grace_seconds is not None:
        body["gracePeriodSeconds"] = grace_seconds
    return body
