"""Every way in: authorization stands before each verb of each resource and subresource, admission before each write."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from bascule.control.api.subresources import rows as subresources
from bascule.control.cache import record
from bascule.control.kinds import strategy
from bascule.control.schema import types
from bascule.vocabulary import builtins, errors, objects, resources
from tests.unit.control.api import harness

NAME = "door"
ALL_MAY = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
METHODS = {"get": "GET", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "create": "POST"}
CONNECT = ("exec", "attach", "portforward", "proxy")
MERGE = {"Content-Type": "application/merge-patch+json"}


class Door(NamedTuple):
    """A request, and the operation by which admission must have been asked; None for reads."""

    method: str
    path: str
    body: Any
    operation: str | None
    row: resources.Resource
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _object(row: resources.Resource, name: str = NAME) -> harness.Object:
    metadata = {"name": name, "namespace": "default"} if row.namespaced else {"name": name}
    obj: harness.Object = {"apiVersion": row.api_version, "kind": row.kind, "metadata": metadata}
    return {**obj, "target": {"kind": "Node", "name": "n"}} if row is builtins.BINDINGS else obj


def _changed(row: resources.Resource) -> harness.Object:
    """Besides a label (which no status changes), something for each subresource that has its own field."""
    changed = _object(row)
    changed["metadata"]["labels"] = {"changed": "yes"}
    changed["spec"] = {"replicas": 7, "finalizers": ["kubernetes"], "ephemeralContainers": [], "containers": []}
    changed["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
    return changed


def _doors(row: resources.Resource) -> Iterator[Door]:
    collection = row.path("default" if row.namespaced else "")
    one = f"{collection}/{NAME}"
    for verb in row.verbs:
        match verb:
            case "list":
                yield Door("GET", collection, None, None, row)
            case "watch":
                yield Door("GET", f"{collection}?watch=1&timeoutSeconds=1", None, None, row)
            case "create":
                yield Door("POST", collection, _object(row, "new"), "CREATE", row)
            case "deletecollection":
                yield Door("DELETE", collection, None, "DELETE", row)
            case "delete":
                yield Door("DELETE", one, None, "DELETE", row)
            case "get":
                yield Door("GET", one, None, None, row)
            case _:
                yield Door(METHODS[verb], one, _changed(row), "UPDATE", row)
    if "patch" in row.verbs:
        yield Door("PATCH", f"{one}-absent?fieldManager=m", _object(row, f"{NAME}-absent"), "CREATE", row)
    for name in row.subresources:
        yield from _subresource_doors(row, name, one)


def _subresource_doors(row: resources.Resource, name: str, one: str) -> Iterator[Door]:
    spoken = subresources.spoken(row, name)
    for verb in spoken.verbs:
        body: Any = None
        if verb != "get":
            body = _changed(row)
            body["apiVersion"], body["kind"] = spoken.api_version, spoken.kind
            body["target"] = {"kind": "Node", "name": "n"}
        operation = "CONNECT" if name in CONNECT else {"get": None, "create": "CREATE"}.get(verb, "UPDATE")
        yield Door(METHODS[verb], f"{one}/{name}", body, operation, row, name)


ROWS = [row for row in builtins.REGISTRY if "create" in row.verbs]


class Refused(errors.StatusError):
    def __init__(self) -> None:
        super().__init__(403, "Forbidden", "admission was asked")


class Spy:
    """An admission that notes what it is asked, and refuses."""

    def __init__(self, real: Any) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.reserve = real.reserve

    def mutate(self, asked: Any, obj: objects.Object) -> None:
        pass

    def validate(self, asked: Any, obj: objects.Object | None) -> None:
        self.asked.append((asked.resource.qualified, asked.subresource, asked.operation))
        raise Refused


async def _furnish(api: harness.Api) -> None:
    """One object of each kind, and kinds that accept anything: this is about doors, not about what goes through."""
    for place, endpoint in list(api.platform.endpoints.items()):
        lenient = dataclasses.replace(
            endpoint.strategy,
            default=lambda obj: None,
            prepare_create=lambda obj, context: None,
            prepare_update=lambda new, old, context: None,
            prepare_status=lambda new, old, context: None,
            validate=lambda obj: [],
            validate_create=None,
            review=None,
            doors={},
            validate_update=lambda new, old: [],
            validate_status=lambda new, old: [],
            warnings=lambda obj: [],
            needs_allocation=False,
            unconditional_update=True,
            scale=endpoint.strategy.scale or strategy.Scale(),
        )
        api.platform.endpoints[place] = dataclasses.replace(endpoint, strategy=lenient, schema=types.ANYTHING)
        if endpoint.cache is not None and endpoint.conversion is None:
            obj = _object(endpoint.resource)
            obj["metadata"]["uid"] = f"uid-{endpoint.resource.plural}"
            obj["spec"] = {"containers": [{"name": "main"}]} if endpoint.resource is builtins.PODS else {}
            await endpoint.cache.create(objects.key(obj), record.draft(obj, {}))


async def test_admission_is_asked_before_every_write_and_no_read(api: harness.Api) -> None:
    await _furnish(api)
    spy = Spy(api.platform.admission)
    api.platform.admission = spy  # type: ignore[assignment]
    doors = [door for row in ROWS for door in _doors(row) if "watch=1" not in door.path]
    assert len(doors) > 500
    for door in doors:
        spy.asked.clear()
        headers = MERGE if door.method == "PATCH" else {}
        if "fieldManager" in door.path:
            headers = {"Content-Type": "application/apply-patch+yaml"}
        answer = await api.call(door.method, door.path, door.body, headers=headers)
        if door.operation is None:
            assert spy.asked == [], door
            assert answer.code in (200, 400, 503), (str(door), answer)  # 400, 503: a log of a pod without a node
            continue
        resource, subresource = door.row.qualified, door.subresource
        if resource == "bindings":
            resource, subresource = "pods", "binding"
        assert (answer.code, answer.body["message"]) == (403, "admission was asked"), (str(door), answer)
        assert spy.asked[0] == (resource, subresource, door.operation), str(door)
    for row in ROWS:
        if "deletecollection" in row.verbs:
            assert (await api.get(row.path("default" if row.namespaced else "") + f"/{NAME}")).code == 200


@pytest.mark.parametrize(("who", "code"), [("somebody", 403), ("", 401), ("wrong", 401)])
async def test_nobody_without_rights_gets_past_a_door(api: harness.Api, who: str, code: int) -> None:
    spy = Spy(api.platform.admission)
    api.platform.admission = spy  # type: ignore[assignment]
    for row in ROWS:
        if row.plural in ALL_MAY and who == "somebody":
            continue
        for door in _doors(row):
            answer = await api.call(door.method, door.path, door.body, who=who)
            assert answer.code == code, (str(door), answer)
            assert answer.body["kind"] == "Status"
    assert spy.asked == []


async def test_the_anonymous_see_health_and_version_alone(api: harness.Api) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/readyz/etcd", "/version"):
        assert (await api.get(path, who="")).code == 200, path
    for path in ("/", "/api", "/apis", "/metrics", "/openapi/v3", "/openapi/v2", "/bascule/store", "/openid/v1/jwks"):
        assert (await api.get(path, who="")).code == 401, path
    for path in ("/healthzz", "/version/x", "/readyz/../metrics", "/nothing", "/healthz/%2e%2e/metrics"):
        assert (await api.get(path, who="")).code in (401, 404), path
    headers = {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"}
    assert (await api.get("/api/v1/secrets", who="", headers=headers)).code == 401
