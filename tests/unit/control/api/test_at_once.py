"""What is answered at once is answered as everything is; and what cannot be is left alone."""

import itertools
from typing import Any

import pytest
from aiohttp import web

from bascule.control.api.wire import request
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
PATHS = [
    *(f"{MAPS}/a", f"{MAPS}/none", f"{MAPS}/a?resourceVersion=0", f"{MAPS}/a?resourceVersion=99999999"),
    *(f"{MAPS}/a?resourceVersion=x", f"{MAPS}/a?watch=1", "/api/v1/namespaces/default", "/api/v1/namespaces/none"),
    *(f"{MAPS}/a?pretty=1", "/api/v1/nodes/n"),
    *("/clusters/other/api/v1/namespaces/default/configmaps/a", "/api/v1/namespaces/x/configmaps/a"),
    *("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h", f"{ROLES}/roles/r"),
]  # fmt: skip
OTHERS = [
    *(MAPS, f"{MAPS}/", f"{MAPS}/a/", f"{MAPS}//a", f"{MAPS}/%61", f"{MAPS}/a/status"),
    *("/api/v1/watch/namespaces/default/configmaps/a", "/clusters/*/api/v1/namespaces/default/configmaps/a", "/api/v1"),
    *("/api/v1/componentstatuses/scheduler", "/apis/example.com/v1/namespaces/default/things/a", "/api/v1/namespaces"),
    *("/clusters/UP/api/v1/nodes/n", "/api/v1/namespaces/a%2Fb/configmaps/a", "/", "/api/v1/nodes/x/proxy"),
    *("/api/v1/configmaps/a", "/healthz"),
]  # fmt: skip
FIELDS = [
    *("Accept: */*", "User-Agent: curl/8", "Impersonate-User: jane", "Impersonate-User: maps"),
    *("Accept: application/json", "Accept: image/png", "User-Agent: kubectl/v1.36"),
]  # fmt: skip
TABLE = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io"


def _request(path: str, who: str = "admin", *fields: str) -> request.Request:
    lines = [f"GET {path} HTTP/1.1", "Host: x", *fields, *([f"Authorization: Bearer {who}"] if who else []), "", ""]
    protocol: Any = _Protocol()
    read = request.read("\r\n".join(lines).encode(), protocol)
    assert isinstance(read, request.Request)
    return read


class _Protocol:
    transport = None
    connected = True


def _shown(made: web.StreamResponse | None) -> tuple[Any, ...]:
    assert isinstance(made, web.Response)
    return made.status, made.body, sorted(made.headers.items()), made.keep_alive


@pytest.mark.parametrize("crowded", [False, True])
async def test_it_is_the_answer_that_handle_gives(api: harness.Api, crowded: bool) -> None:
    await api.create(MAPS, harness.config_map("a", x="y"))
    await api.create(f"{ROLES}/roles", _role())
    await api.create(f"{ROLES}/rolebindings", _binding())
    api.dispatcher.crowded = crowded
    counted = api.dispatcher._paths.requests
    for path, who, field in itertools.product(PATHS, ("admin", "maps", "jane", "wrong", ""), (None, *FIELDS)):
        asked = _request(path, who, *([field] if field else []))
        before = counted.counts()
        at_once = api.dispatcher.at_once(asked)
        between = counted.counts()
        assert _shown(at_once) == _shown(await api.dispatcher.handle(asked)), (path, who, field)
        first = {key: count - before.get(key, 0) for key, count in between.items() if count != before.get(key)}
        second = {
            key: count - between.get(key, 0) for key, count in counted.counts().items() if count != between.get(key)
        }
        assert (first, sum(first.values())) == (second, 1), (path, who, field)


async def test_what_is_not_answered_at_once(api: harness.Api) -> None:
    assert [path for path in OTHERS if api.dispatcher.at_once(_request(path)) is not None] == []


async def test_what_is_shaped_or_changed_is_not_answered_at_once(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    assert api.dispatcher.at_once(_request(f"{MAPS}/a", "admin", TABLE)) is None
    changed = _request(f"{MAPS}/a")
    changed.method = "DELETE"
    assert api.dispatcher.at_once(changed) is None
    assert api.dispatcher._paths.requests.counts().get(("get", "configmaps", 200)) is None


def _role() -> harness.Object:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    return {"metadata": {"name": "r"}, "rules": rules}


def _binding() -> harness.Object:
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "User", "apiGroup": group, "name": "maps"}]
    return {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "r"},
        "subjects": subjects,
    }
