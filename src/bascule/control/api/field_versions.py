"""The versions of a kind as field ownership sees them: entries of another version are compared in that version.

Versions of a custom resource have fields of the same names, also where a webhook converts between them: asking it about
every write that somebody of another version may own part of would make writes wait.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from bascule.control.api import call as calls
from bascule.control.api import endpoint
from bascule.control.api import platform as platforms
from bascule.control.patch import versions
from bascule.vocabulary import objects, resources


def of(platform: platforms.Platform, call: calls.Call) -> versions.Versions:
    """By apiVersion; asked only when an entry is of another version than the call."""
    return functools.partial(_built_in if call.endpoint.form is None else _custom, platform, call)


def _built_in(platform: platforms.Platform, call: calls.Call, api_version: str) -> versions.Version | None:
    for row in platform.registry:
        if row.api_version == api_version and _stored(row) == _stored(call.resource):
            other = platform.endpoint_of(row)
            there, back = _between(call.endpoint, other), _between(other, call.endpoint)
            return versions.Version(other.schema, there, back)
    return None


def _stored(row: resources.Resource) -> tuple[str, str]:
    return row.stored_as or (row.group, row.plural)


def _between(one: endpoint.Endpoint, other: endpoint.Endpoint) -> Callable[[objects.Object], objects.Object]:
    def convert(obj: objects.Object) -> objects.Object:
        converted = objects.deep_copy(obj)
        if one.conversion is not None:
            converted = one.conversion.to_storage(converted)
        if other.conversion is not None:
            converted = other.conversion.from_storage(converted)
        return {**converted, "apiVersion": other.resource.api_version}

    return objects.deep_copy if one is other else convert


def _custom(platform: platforms.Platform, call: calls.Call, api_version: str) -> versions.Version | None:
    resource = call.resource
    found = platform.custom.find(call.cluster, resource.group, resource.plural)
    for row in found.rows if found is not None else ():
        if found is not None and row.api_version == api_version:
            schema = found.endpoints.get(row.version, call.endpoint).schema
            return versions.Version(schema, _itself, _itself)
    return None


def _itself(obj: objects.Object) -> objects.Object:
    return obj
