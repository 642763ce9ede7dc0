"""Calls a conversion webhook: HTTPS to a URL or to a Service, bounded in time and size, never redirected.

A Service is reached at its ready endpoints and, when none answers, at its cluster address: this server needs a way to
pods or to cluster addresses from where it runs, and says in the error which addresses it tried.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
import ssl
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import orjson

from bascule.control.access import reader
from bascule.control.api.custom import review
from bascule.control.kinds import shape
from bascule.vocabulary import errors, names, objects

TIMEOUT_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 5.0
_ENDPOINTS_TRIED: Final = 3
_ANSWER_MIN_BYTES: Final = 16 * 1024 * 1024
_ASIDE_BYTES: Final = 256 * 1024


class Target(NamedTuple):
    """Where to connect; `hostname` is the name in the certificate, empty where it is the address's own."""

    address: str
    hostname: str


class Webhooks:
    """The client of all conversion webhooks. `close` it at the end."""

    def __init__(self, view: reader.Reader, source: random.Random) -> None:
        self._view = view
        self._random = source
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def hook(self, cluster: str, conversion: objects.Object) -> Hook:
        """The webhook of a definition in a cluster, from its `spec.conversion`."""
        return Hook(self, cluster, shape.mapping(conversion, "webhook"))

    def uid(self) -> str:
        return names.new_uid(self._random)

    def targets(self, cluster: str, config: objects.Object) -> list[Target]:
        """In the order in which to try them. Raises review.Refused when there are none."""
        url = shape.text(config, "url")
        if url:
            parts = urlsplit(url)
            if parts.scheme != "https" or not parts.netloc:
                raise review.Refused(f"the webhook's url {url!r} is not https")
            return [Target(url, "")]
        service = shape.mapping(config, "service")
        namespace, name = shape.text(service, "namespace"), shape.text(service, "name")
        port, path = shape.integer(service, "port") or 443, shape.text(service, "path").lstrip("/")
        found = self._view.get("", "services", cluster, namespace, name)
        if found is None:
            raise review.Refused(f'Post "https://{name}.{namespace}.svc:{port}/{path}": service "{name}" not found')
        hostname = f"{name}.{namespace}.svc"
        targets = [Target(f"https://{place}/{path}", hostname) for place in self._places(cluster, found, port)]
        if not targets:
            raise review.Refused(f'no service port {port} found for service "{name}"')
        return targets

    def _places(self, cluster: str, service: objects.Object, port: int) -> Iterator[str]:
        spec = shape.mapping(service, "spec")
        if spec.get("type") == "ExternalName":
            yield f"{shape.text(spec, 'externalName')}:{port}"
            return
        entry = next((entry for entry in shape.items(spec, "ports") if entry.get("port") == port), None)
        if entry is None:
            return
        ready = list(self._ready(cluster, service, shape.text(entry, "name")))
        self._random.shuffle(ready)
        yield from ready[:_ENDPOINTS_TRIED]
        address = shape.text(spec, "clusterIP")
        if address and address != "None":
            yield f"{_bracketed(address)}:{port}"

    def _ready(self, cluster: str, service: objects.Object, port_name: str) -> Iterator[str]:
        namespace = objects.namespace(service)
        for part in self._view.list("discovery.k8s.io", "endpointslices", cluster, namespace):
            if objects.labels(part).get("kubernetes.io/service-name") != objects.name(service):
                continue
            ports = [port for port in shape.items(part, "ports") if shape.text(port, "name") == port_name]
            for endpoint in shape.items(part, "endpoints") if ports else ():
                if shape.mapping(endpoint, "conditions").get("ready") is not False:
                    for address in shape.texts(endpoint, "addresses"):
                        yield f"{_bracketed(address)}:{ports[0].get('port')}"

    async def post(self, target: Target, body: bytes, context: ssl.SSLContext, limit_bytes: int) -> bytes:
        """The answer's body. Raises review.Refused and what the connection raises."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=_CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        parameters: dict[str, Any] = {"server_hostname": target.hostname} if target.hostname else {}
        headers = {"Content-Type": "application/json", "Accept": "application/json, */*"}
        if target.hostname:
            headers["Host"] = target.hostname
        async with self._session.post(
            target.address, data=body, headers=headers, ssl=context, allow_redirects=False, **parameters
        ) as answer:
            content = b""
            async for piece in answer.content.iter_chunked(1 << 16):
                content += piece
                if len(content) > limit_bytes:
                    raise review.Refused(f"the webhook's answer has more than {limit_bytes} bytes")
            if answer.status != 200:
                text = content[:200].decode(errors="replace").strip()
                raise review.Refused(f"the webhook answered {answer.status}: {text}")
            return content


class Hook:
    """One definition's webhook."""

    def __init__(self, webhooks: Webhooks, cluster: str, webhook: objects.Object) -> None:
        self._webhooks = webhooks
        self._cluster = cluster
        self._config = shape.mapping(webhook, "clientConfig")
        self._versions = shape.texts(webhook, "conversionReviewVersions")
        self._context: ssl.SSLContext | None = None

    async def convert(self, originals: Sequence[objects.Object], desired: str) -> list[objects.Object]:
        """The objects in the API version `desired`; all of another version now. Raises 500 with what went wrong."""
        first = originals[0]
        group, _, version = first["apiVersion"].partition("/")
        try:
            asked = review.question(self._versions, originals, desired, self._webhooks.uid())
            try:
                answer = await self._ask(asked)
            except review.Refused as error:
                text = f"conversion webhook for {group}/{version}, Kind={first['kind']} failed: {error}"
                raise review.Refused(text) from error
            return review.answers(asked, answer, originals, desired)
        except review.Refused as error:
            raise errors.StatusError(500, "", str(error)) from error

    async def _ask(self, asked: objects.Object) -> Any:
        body = orjson.dumps(asked)
        targets = self._webhooks.targets(self._cluster, self._config)
        failure: Exception = review.Refused("no address")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                for target in targets:
                    try:
                        content = await self._posted(target, body)
                        if len(content) > _ASIDE_BYTES:
                            return await asyncio.to_thread(orjson.loads, content)
                        return orjson.loads(content)
                    except (aiohttp.ClientError, OSError) as error:
                        failure = review.Refused(
                            f'Post "{target.address}?timeout=30s": {error or type(error).__name__}'
                        )
        except TimeoutError as error:
            raise review.Refused(f'Post "{targets[0].address}?timeout=30s": context deadline exceeded') from error
        except orjson.JSONDecodeError as error:
            raise review.Refused(f"the webhook's answer is no JSON: {error}") from error
        raise failure

    async def _posted(self, target: Target, body: bytes) -> bytes:
        limit_bytes = _ANSWER_MIN_BYTES + 2 * len(body)
        context = self._tls()
        try:
            return await self._webhooks.post(target, body, context, limit_bytes)
        except aiohttp.ServerDisconnectedError:
            return await self._webhooks.post(target, body, context, limit_bytes)  # An idle connection had gone stale.

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            bundle = shape.text(self._config, "caBundle")
            try:
                authorities = base64.b64decode(bundle, validate=True).decode() if bundle else None
                self._context = ssl.create_default_context(cadata=authorities)
            except (binascii.Error, ValueError, ssl.SSLError) as error:
                raise review.Refused(f"unable to load root certificates: {error}") from error
        return self._context


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
