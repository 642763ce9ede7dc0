"""Definitions of custom resources for `waiting`: one of 20,000 fields, the documents of 500, 20,000 objects of one.

Done last, as the definitions stay.
"""

from __future__ import annotations

import asyncio
from typing import Any

from bench import load, plan, samples, target, wire

DEFINITIONS = 500
OBJECTS = 20_000
FIELDS = 20_000
DEFINED = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_GROUP = "bench.example.com"
WIDGETS = f"/apis/{_GROUP}/v1/namespaces/{samples.NAMESPACE}/widgets"
_ATTEMPTS = 300


def large(number: int) -> bytes:
    """Each of its fields is an object with a default of its own."""
    field = {"type": "object", "properties": {"a": {"type": "integer"}}}
    fields = {f"field{n}": {**field, "default": {"a": n}} for n in range(FIELDS)}
    return samples.encode(_definition(f"Large{number}", fields))


async def define_many(wanted: plan.Plan, to: target.Target) -> int:
    """Creates the many; how many they are."""
    count = DEFINITIONS // 10 if wanted.quick else DEFINITIONS
    await load.run(to, (to.request("POST", DEFINED, samples.encode(_usual(n))) for n in range(count)), connections=4)
    return count


async def use_one(wanted: plan.Plan, to: target.Target) -> int:
    """Creates objects of one definition, then gives its schema a new default, which none of them has."""
    count = OBJECTS // 10 if wanted.quick else OBJECTS
    fields = {"image": {"type": "string"}, "replicas": {"type": "integer"}}
    await wire.expect(to, to.request("POST", DEFINED, samples.encode(_definition("Widget", fields))))
    await _until(to, WIDGETS)
    await load.run(to, (to.request("POST", WIDGETS, samples.encode(_widget(n))) for n in range(count)))
    fields["color"] = {"type": "string", "default": "red"}
    change = samples.encode({"spec": {"versions": _definition("Widget", fields)["spec"]["versions"]}})
    path = f"{DEFINED}/widgets.{_GROUP}"
    await wire.expect(to, to.request("PATCH", path, change, media="application/merge-patch+json"))
    return count


async def _until(to: target.Target, path: str) -> None:
    """A definition is served a moment after it was created."""
    for _ in range(_ATTEMPTS):
        status, _ = await wire.ask(to, to.request("GET", path))
        if status == 200:
            return
        await asyncio.sleep(0.05)
    raise wire.BadAnswer(f"{path} is not served")


def _usual(number: int) -> dict[str, Any]:
    """Some 35 KB, two thirds of it words, as real ones have it."""
    kinds = ("string", "integer", "boolean")
    fields = {
        f"field{n}": {
            "type": kinds[n % 3],
            "description": f"What field {n} of kind {number} is for, in some more words",
        }
        for n in range(140)
    }
    inner = {"type": "object", "properties": fields}
    return _definition(f"Kind{number}", {**fields, "inner": inner}, group=f"g{number % 50}.example.com")


def _definition(kind: str, fields: dict[str, Any], group: str = _GROUP) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    spec = {"type": "object", "default": {}, "properties": fields}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def _widget(number: int) -> dict[str, Any]:
    meta = {"name": f"w-{number}", "labels": {"group": str(number % 100)}}
    spec = {"image": f"registry.example/w:{number}", "replicas": number}
    return {"apiVersion": f"{_GROUP}/v1", "kind": "Widget", "metadata": meta, "spec": spec}
