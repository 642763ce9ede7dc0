"""One request on its way through a verb: who asks for what, with which options; warnings gather here.

Also used without HTTP, for what the server writes itself (bootstrap objects): `http` is then None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiohttp import http_exceptions, web

from bascule.control.access import authorization, user
from bascule.control.access.admission import request as admission_request
from bascule.control.api import endpoint, options
from bascule.control.api.wire import negotiate
from bascule.control.api.wire import request as requests
from bascule.vocabulary import errors, objects, resources

BODY_MAX_BYTES: Final = 3 * 1024 * 1024
LARGE_BYTES: Final = 64 * 1024
_BODY_TIMEOUT_SECONDS: Final = 60

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """`name` is the name in the path; on a create by POST it is empty until the body gives one."""

    endpoint: endpoint.Endpoint
    user: user.User
    verb: str
    cluster: str = objects.ROOT
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tail: str = ""
    parameters: options.Parameters = field(default_factory=lambda: options.NO_PARAMETERS)
    options: options.WriteOptions = options.NO_OPTIONS
    accept: negotiate.Accept = negotiate.OBJECT_JSON
    http: requests.Http | None = None
    warnings: list[str] = field(default_factory=list)
    large: bool = False
    """The body is so large that what is computed from it should not keep others waiting: see `aside`."""

    @property
    def resource(self) -> resources.Resource:
        return self.endpoint.resource

    @property
    def key(self) -> objects.Key:
        return objects.Key(self.cluster, self.namespace, self.name)

    def request(self) -> web.BaseRequest:
        """The HTTP request behind the call, for those who stream."""
        return requests.full(self._asked)

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's, whose names have no case."""
        return self._asked.headers

    @property
    def _asked(self) -> requests.Http:
        if self.http is None:
            raise TypeError("this call did not come over HTTP")
        return self.http

    def warn(self, text: str) -> None:
        admission_request.add_warning(self.warnings, text)

    def not_found(self) -> errors.StatusError:
        return errors.not_found(self.resource.qualified, self.name)

    def admission(
        self, operation: admission_request.Operation, *, old: objects.Object | None = None
    ) -> admission_request.AdmissionRequest:
        """This call as admission sees it; warnings it collects are this call's."""
        return admission_request.AdmissionRequest(
            user=self.user,
            operation=operation,
            resource=self.resource,
            cluster=self.cluster,
            namespace=self.namespace,
            name=self.name,
            subresource=self.subresource,
            old=old,
            dry_run=self.options.dry_run,
            warnings=self.warnings,
        )

    def attributes(self) -> authorization.Attributes:
        """This call as the authorizer sees it."""
        namespace = self.namespace
        if not namespace and self.resource.plural == "namespaces" and not self.resource.group:
            namespace = self.name
        return authorization.Attributes(
            user=self.user,
            verb=self.verb,
            cluster=self.cluster,
            group=self.resource.group,
            resource=self.resource.plural,
            subresource=self.subresource,
            namespace=namespace,
            name=self.name,
        )

    async def aside(self, compute: Callable[..., T], *arguments: Any) -> T:
        """What `compute` answers; beside the event loop where this call is about something large."""
        if self.large:
            return await asyncio.to_thread(compute, *arguments)
        return compute(*arguments)

    async def body(self) -> bytes:
        """The request's body; 413 above 3 MiB, 504 when it does not arrive in time."""
        content = await self._body()
        self.large = len(content) > LARGE_BYTES
        return content

    async def _body(self) -> bytes:
        http = self._asked
        if isinstance(http, requests.Request):
            return http.body
        length = http.content_length
        if length is not None and length > BODY_MAX_BYTES:
            raise errors.too_large(f"limit is {BODY_MAX_BYTES}")
        if http.content.is_eof() and (length or 0) <= BODY_MAX_BYTES:
            return http.content.read_nowait()  # It is here already, as most are.
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_SECONDS):
                return await http.read()
        except TimeoutError as error:
            raise errors.timeout("the request's body did not arrive within a minute") from error
        except (web.RequestPayloadError, http_exceptions.HttpProcessingError) as error:
            raise errors.bad_request("the request's body is not encoded as its headers say") from error
        except web.HTTPRequestEntityTooLarge as error:
            raise errors.too_large(f"limit is {BODY_MAX_BYTES}") from error

    @property
    def content_type(self) -> str:
        return negotiate.media_type(self.headers.get("Content-Type", ""))
