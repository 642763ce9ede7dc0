"""Documents of the server itself: health, version, discovery, OpenAPI, keys, metrics, the store's identity."""

from __future__ import annotations

import platform as machine
from typing import Any, Final

import orjson
from aiohttp import web

from bascule.control.api import nowhere, options, route
from bascule.control.api import platform as platforms
from bascule.control.api.custom import published
from bascule.control.api.documents import metrics
from bascule.control.api.wire import request, respond
from bascule.vocabulary import errors

VERSION: Final = "v1.36.0"
_CHECKS: Final = ("ping", "log", "etcd")
_CHECKS_OF_READINESS: Final = (*_CHECKS, "etcd-readiness", "informer-sync")
"""As monitors know them from upstream; what is called etcd is the store, and informers are its caches."""
_FOR_VERIFIERS: Final = {
    "/openid/v1/jwks": "application/jwk-set+json",
    "/.well-known/openid-configuration": "application/json",
}
"""What those who check tokens elsewhere read, and how it is served."""
_ROOMS: Final = ("healthz", "livez", "readyz", "openapi", "metrics")
_LISTED: Final = (
    "/healthz",
    "/livez",
    "/readyz",
    "/version",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openid/v1/jwks",
)


class ServerPaths:
    """Answers GET of every path that names no resource."""

    def __init__(self, platform: platforms.Platform) -> None:
        self._platform = platform
        address = f"{platform.settings.host}:{platform.settings.port}"
        self._published = published.Publisher(platform.custom, platform.registry, address, VERSION)
        self.requests = metrics.Requests()
        self.stopping = False

    async def serve(self, http: request.Http, found: route.Route, parameters: options.Parameters) -> web.StreamResponse:
        """The document; 404 for what there is none of."""
        path = found.path
        documents = self._published.of(found.cluster)
        head = path.split("/")[1]
        if http.method not in ("GET", "HEAD"):
            served = documents.discovery.answer(path, "") or head in _ROOMS or self._content(path, documents)
            raise errors.method_not_allowed() if served else nowhere.Nowhere
        answer = documents.discovery.answer(path, http.headers.get("Accept", ""))
        if answer is not None:
            response = respond.raw(answer[0], media=answer[1])
            return await respond.compressed(response, http.headers.get("Accept-Encoding", ""))
        match head:
            case "healthz" | "livez" | "readyz":
                return self._health(path, parameters)
            case "openapi" if path == "/openapi/v2" or path.startswith("/openapi/v3"):
                return await documents.openapi.serve(request.full(http), path)
            case "metrics" if path == "/metrics":
                return self._metrics()
        content = self._content(path, documents)
        if content is None:
            raise nowhere.nothing_at(path, self._platform.registry)
        if path in _FOR_VERIFIERS:
            response = respond.raw(orjson.dumps(content), media=_FOR_VERIFIERS[path])
            response.headers["Cache-Control"] = "public, max-age=3600"
            return response
        return respond.value(content)

    def _metrics(self) -> web.Response:
        from bascule.control.api.documents import exposition

        held = self._platform
        gauges = {
            "watches": len(held.watches),
            "revision": held.cache.revision,
            "unreadable": len(held.cache.unreadable),
        }
        return respond.raw(exposition.text(self.requests, gauges), media=exposition.MEDIA)

    def _content(self, path: str, documents: published.Published) -> Any:
        issuer = self._platform.settings.issuer
        match path:
            case "/version" | "/version/":
                return version()
            case "/bascule/store":
                store = self._platform.store
                return {
                    "cluster": store.installation,
                    "epoch": store.epoch,
                    "revision": self._platform.cache.revision,
                }
            case "/openid/v1/jwks":
                return self._platform.keys.jwks()
            case "/.well-known/openid-configuration":
                return {
                    "issuer": issuer,
                    "jwks_uri": f"{issuer}/openid/v1/jwks",
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": self._platform.keys.algorithms(),
                }
            case "/":
                return {"paths": [*_LISTED, *documents.discovery.paths()]}
        return None

    def _health(self, path: str, parameters: options.Parameters) -> web.Response:
        _, head, *rest = path.split("/")
        checks = _CHECKS_OF_READINESS if head == "readyz" else _CHECKS
        failing = ["shutdown"] if self.stopping and head == "readyz" else []
        if rest and rest[0] and rest[0] not in checks:
            raise nowhere.Nowhere
        if not failing and "verbose" not in parameters:
            return respond.text("ok")
        lines = [f"[+]{check} ok" for check in checks] + [f"[-]{check} failed" for check in failing]
        lines.append(f"{head} check {'failed' if failing else 'passed'}")
        return respond.text("\n".join(lines) + "\n", code=500 if failing else 200)


def version() -> dict[str, str]:
    """What `kubectl version` shows: the API's version, which is the Kubernetes release whose API this is."""
    major, minor, _ = VERSION[1:].split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": VERSION,
        "gitCommit": "0" * 40,  # tests and tools want a hash, and a release has none of its own
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": machine.python_implementation(),
        "platform": f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine.machine(), machine.machine()) }",
    }
