"""From an HTTP request to a verb and back: route, authenticate, authorize, hand over; every error becomes a Status."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bascule.control.access import attributes as access_attributes
from bascule.control.access import authentication, authorization, impersonation, user
from bascule.control.api import call as calls
from bascule.control.api import clusters, nowhere, options, pipeline, places, route
from bascule.control.api import endpoint as endpoints
from bascule.control.api import platform as platforms
from bascule.control.api.documents import server_paths
from bascule.control.api.subresources import doors as subresource
from bascule.control.api.verbs import (
    components,
    creating,
    deletecollection,
    deleting,
    get,
    listing,
    patching,
    updating,
    virtual,
    watching,
)
from bascule.control.api.wire import answer, connections, lanes, legible, negotiate, request, respond
from bascule.control.store import contract
from bascule.vocabulary import errors, fields, names, objects

_log = logging.getLogger(__name__)

Verb = Callable[[platforms.Platform, calls.Call], Awaitable[web.StreamResponse]]

VERBS: Final[dict[str, Verb]] = {
    "get": get.get,
    "list": listing.list_objects,
    "watch": watching.watch_objects,
    "create": creating.create,
    "update": updating.update,
    "patch": patching.patch,
    "delete": deleting.delete,
    "deletecollection": deletecollection.delete_collection,
}
_WITH_NAME: Final = {
    "GET": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
    "POST": "create",
    "HEAD": "get",
}
_WITHOUT_NAME: Final = {**_WITH_NAME, "GET": "list", "DELETE": "deletecollection", "HEAD": "list"}
_CONNECT: Final = ("exec", "attach", "portforward")
_OF_MANY: Final = ("list", "watch", "deletecollection")
_WRITES: Final = ("create", "update", "patch")
_ANSWERED_WITH_OBJECTS: Final = ("get", "list", *_WRITES)
_STREAMS: Final = (*_CONNECT, "log", "proxy")
"""What lasts, and answers what is no object."""


class _What:
    """What a request turned out to be about, for the metrics."""

    __slots__ = ("resource", "verb")

    def __init__(self) -> None:
        self.verb = "path"
        self.resource = ""


class Dispatcher:
    """The one handler of the server."""

    def __init__(self, platform: platforms.Platform, paths: server_paths.ServerPaths) -> None:
        self._platform = platform
        self._paths = paths
        self._clusters = clusters.Clusters(platform)
        self._places = places.Places(platform.endpoints)
        self.lanes = lanes.Lanes()
        self.crowded = False
        """There are more connections than there should be: those of ordinary users end with their next answer."""
        self.connections = connections.Identities(platform.authenticator, platform.time)
        platform.is_connected = self.connections.has

    def at_once(self, http: request.Request) -> answer.Answer | None:
        """GET of an object that is served as it is stored: of nothing that has to be waited for, so it needs no lane.

        None for any other request, about which nothing has been done.
        """
        if http.method != "GET":
            return None
        started = time.perf_counter()
        path, _, query = http.raw_path.partition("?")
        collection, _, name = path.rpartition("/")
        place = self._places.find(collection)
        if place is None or not name or "%" in name:
            return None
        endpoint, cluster, namespace = place
        what = _What()
        made: answer.Answer
        try:
            who = self._user(http, cluster)
            parameters = options.parameters(query)
            what.verb, what.resource = "get", endpoint.resource.qualified
            if not authorization.is_master(who, cluster):
                self._platform.authorizer.require(_attributes(who, "get", route.parse(path)))
            if negotiate.accept(http.headers.get("Accept", "")) is not negotiate.OBJECT_JSON:
                return None
            stored = get.find(endpoint, objects.Key(cluster, namespace, name), parameters)
            made = respond.raw(endpoint.body(stored) + b"\n")
        except Exception as error:
            made = self._failed(http, error)
        self._finish(http, what, made, started)
        return made

    async def handle(self, http: request.Http) -> web.StreamResponse:
        """Never raises but for cancellation: what goes wrong is a Status, and what should not is logged."""
        started = time.perf_counter()
        what = _What()
        made: web.StreamResponse
        try:
            made = await self._handle(http, what)
        except Exception as error:
            made = self._failed(http, error)
        self._finish(http, what, made, started)
        return made

    def _finish(self, http: request.Http, what: _What, made: web.StreamResponse, started: float) -> None:
        if legible.wanted(http):
            legible.indent(made)
        self._paths.requests.count(what.verb, what.resource, made.status, time.perf_counter() - started)

    def _failed(self, http: request.Http, error: Exception) -> answer.Answer:
        if isinstance(error, nowhere.Nowhere):
            return respond.text(nowhere.TEXT, 404)
        if isinstance(error, errors.StatusError):
            made = respond.failure(error, encoding=negotiate.of_errors(http.headers.get("Accept", "")))
            if self.crowded:
                made.force_close()
            return made
        if isinstance(error, contract.StoreError):
            return respond.failure(pipeline.unwritten(error))
        if isinstance(error, (ConnectionError, TimeoutError)):
            _log.info("the client left during %s: %s", http.method, error)
            return respond.failure(errors.timeout("the client was too slow or left"))
        _log.error("unexpected failure", exc_info=error, extra={"method": http.method, "path": http.raw_path[:500]})
        return respond.failure(
            errors.internal("an unexpected failure, recorded in the server's log; the request was not completed")
        )

    async def _handle(self, http: request.Http, what: _What) -> web.StreamResponse:
        raw_path, _, query = http.raw_path.partition("?")
        try:
            found = route.parse(raw_path)
        except route.UnknownPath as error:
            self._user(http, "root")
            raise errors.path_not_found() from error
        if not found.plural:
            return await self._server_path(http, found, query)
        who = self._user(http, found.cluster)
        endpoint = self._platform.endpoints.get((found.group, found.version, found.plural))
        parameters = options.parameters(query)
        verb = _verb(http.method, found, parameters)
        if endpoint is None:
            endpoint = await self._custom(found, who, verb)
        if endpoint is None:
            raise nowhere.unserved(found, self._platform.registry)
        if not _fits(found, endpoint.resource.namespaced, verb):
            everywhere = endpoint.resource.namespaced and not found.namespaced and not found.name
            if everywhere and endpoint.prune is None:
                raise errors.method_not_allowed()
            raise nowhere.unserved(found, self._platform.registry)
        what.verb, what.resource = verb, endpoint.resource.qualified
        call = calls.Call(
            endpoint=endpoint,
            user=who,
            verb=verb,
            cluster=found.cluster,
            namespace=found.namespace,
            name=found.name,
            subresource=found.subresource,
            tail=found.tail,
            parameters=parameters,
            http=http,
        )
        self._authorize(call)
        _require_method(call, http.method)
        if endpoint.warning:
            call.warn(endpoint.warning)
        if found.subresource not in _STREAMS:
            call.accept = negotiate.accept(http.headers.get("Accept", ""))
        with self.lanes.of(who, streams=verb == "watch" or call.subresource in _STREAMS):
            if verb in _WRITES and found.subresource != "proxy":
                if not self._clusters.has(call.cluster):
                    await self._clusters.ensure(call)
                call.options = options.write_options(parameters, http.headers.get("User-Agent", ""), verb)
            return await self._serve(call)

    async def _custom(self, found: route.Route, who: user.User, verb: str) -> endpoints.Endpoint | None:
        """Of a custom resource. Those without rights do not learn whether there is one."""
        self._platform.authorizer.require(_attributes(who, verb, found))
        made = await self._platform.custom.endpoint_of(found.cluster, found.group, found.version, found.plural)
        if made is not None and verb == "create":
            self._platform.custom.require_open(found.cluster, found.group, found.plural)
        return made

    async def _serve(self, call: calls.Call) -> web.StreamResponse:
        resource = call.resource
        if found := call.subresource:
            if found not in resource.subresources or (call.tail and found != "proxy"):
                raise nowhere.no_subresource(call.endpoint, call.name)
            return await subresource.serve(self._platform, call)
        if call.verb not in resource.verbs or (call.verb == "create" and call.name):
            raise nowhere.refused(call.endpoint, call.verb)
        if call.cluster == route.EVERY_CLUSTER and call.verb not in ("list", "watch"):
            raise errors.bad_request("across all clusters one can only list and watch; name the cluster")
        if call.endpoint.cache is None:
            return await (virtual.create if call.verb == "create" else components.read)(self._platform, call)
        if call.verb in _ANSWERED_WITH_OBJECTS:
            custom = call.endpoint.prune is not None
            call.accept.require(lists=call.verb == "list", group=resource.group, kind=resource.kind, custom=custom)
        try:
            return await VERBS[call.verb](self._platform, call)
        except errors.StatusError as error:
            if call.warnings:
                return respond.failure(error, call.warnings, encoding=call.accept.encoding)
            raise

    def _user(self, http: request.Http, cluster: str) -> user.User:
        """Who asks; 401 for nobody."""
        who = self.connections.holder(http)
        if who is None:
            who = self._platform.authenticator.authenticate(
                authorization=http.headers.get("Authorization"), cluster=cluster
            )
        if who is user.ANONYMOUS:
            raise errors.unauthorized()
        if request.impersonates(http):
            who = impersonation.impersonate(who, list(http.headers.items()), self._platform.authorizer, cluster)
        if self.crowded and not lanes.is_reserved(who):
            raise errors.too_many_requests("this server has too many connections; try again later", 5)
        return who

    def _authorize(self, call: calls.Call) -> None:
        selects = call.verb in _OF_MANY and call.parameters.get("fieldSelector")
        if not selects and authorization.is_master(call.user, call.cluster):
            return
        attributes = call.attributes()
        if call.subresource in _CONNECT:
            attributes = attributes._replace(verb="create")
        if selects:
            wanted = fields.parse(selects)
            attributes = attributes._replace(
                name=wanted.exact("metadata.name") or "", field_selector=tuple(wanted.requirements)
            )
        self._platform.authorizer.require(attributes)

    async def _server_path(self, http: request.Http, found: route.Route, query: str) -> web.StreamResponse:
        if not authentication.is_public(found.path):
            who = self._user(http, found.cluster)
            self._platform.authorizer.require(
                access_attributes.Attributes(user=who, verb=http.method.lower(), cluster=found.cluster, path=found.path)
            )
            with self.lanes.of(who):
                return await self._paths.serve(http, found, options.parameters(query))
        return await self._paths.serve(http, found, options.parameters(query))


def _attributes(who: user.User, verb: str, found: route.Route) -> access_attributes.Attributes:
    """The request as the authorizer sees it."""
    return access_attributes.Attributes(
        user=who,
        verb=verb,
        cluster=found.cluster,
        group=found.group,
        resource=found.plural,
        subresource=found.subresource,
        namespace=found.namespace or (found.name if found.plural == "namespaces" and not found.group else ""),
        name=found.name,
    )


def _verb(method: str, found: route.Route, parameters: options.Parameters) -> str:
    """What is to be done; empty for a method that means nothing: only who may do everything learns what of it."""
    verb = (_WITH_NAME if found.name else _WITHOUT_NAME).get(method, "")
    if found.watch:
        return "watch" if verb in ("list", "get") else ""
    return "watch" if verb == "list" and parameters.flag("watch") else verb


def _require_method(call: calls.Call, method: str) -> None:
    """405 for a method that means nothing here, or not without a name."""
    if not call.verb and (method != "OPTIONS" or call.subresource != "proxy"):
        raise nowhere.refused(call.endpoint, "")
    if call.verb in ("update", "patch") and not call.name:
        raise nowhere.nameless(call.endpoint)


def _fits(found: route.Route, namespaced: bool, verb: str) -> bool:
    """Whether the path's form goes with the resource's scope; across namespaces one can only list and watch."""
    if not namespaced:
        return not found.namespaced
    if found.namespaced:
        return not names.is_path_segment(found.namespace)
    return verb in ("list", "watch") and not found.name
