"""What a server serves now, custom kinds included, as `Resource` rows.

Asked for as the aggregated documents, two requests however many groups there are; of a server that has none, as a
legacy document of each group version. A group that cannot be read is named in `failed` and does not hide the others.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from bascule.client import api, faults
from bascule.vocabulary import errors, objects, resources

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass
class Discovered:
    """`failed`: group versions that could not be read, with the reason."""

    rows: list[resources.Resource] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


async def discover(client: api.Client, *, cluster: str = objects.ROOT) -> Discovered:
    """Every group version of one logical cluster. Raises only if the list of groups itself cannot be read."""
    prefix = "" if cluster == objects.ROOT else f"/clusters/{cluster}"
    groups = orjson.loads(await client.raw("GET", f"{prefix}/apis", accept=_AGGREGATED))
    if groups.get("kind") != "APIGroupDiscoveryList":
        return await _legacy(client, prefix, groups)
    core = orjson.loads(await client.raw("GET", f"{prefix}/api", accept=_AGGREGATED))
    found = Discovered()
    for document in (core, groups):
        for group in document.get("items") or ():
            for version in group.get("versions") or ():
                name = (group.get("metadata") or {}).get("name") or ""
                if version.get("freshness") == "Stale":
                    found.failed.append(f"{name}/{version['version']}: stale")
                found.rows += from_aggregated(name, version)
    return found


async def _legacy(client: api.Client, prefix: str, groups: dict[str, Any]) -> Discovered:
    places = {"v1": f"{prefix}/api/v1"}
    for group in groups.get("groups") or ():
        for version in group.get("versions") or ():
            places[version["groupVersion"]] = f"{prefix}/apis/{version['groupVersion']}"
    found = Discovered()

    async def read(group_version: str, path: str) -> list[resources.Resource]:
        try:
            document = orjson.loads(await client.raw("GET", path))
        except (errors.StatusError, faults.Unreachable) as error:
            found.failed.append(f"{group_version}: {error}")
            return []
        return from_resource_list(group_version, document)

    # In the server's order, which puts each group's preferred version first.
    for rows in await asyncio.gather(*(read(*place) for place in places.items())):
        found.rows += rows
    return found


def from_aggregated(group: str, version: dict[str, Any]) -> Iterator[resources.Resource]:
    """The rows of one version in an `APIGroupDiscoveryList`."""
    for item in version.get("resources") or ():
        yield resources.Resource(
            group=group,
            version=version["version"],
            plural=item["resource"],
            kind=item["responseKind"]["kind"],
            singular=item.get("singularResource") or "",
            namespaced=item.get("scope") == "Namespaced",
            verbs=tuple(item.get("verbs") or ()),
            subresources=tuple(below["subresource"] for below in item.get("subresources") or ()),
        )


def from_resource_list(group_version: str, document: dict[str, Any]) -> list[resources.Resource]:
    """The rows of an `APIResourceList`; subresources are folded into their resource."""
    group, _, version = group_version.rpartition("/")
    items = document.get("resources") or []
    subresources: dict[str, list[str]] = {}
    for item in items:
        plural, slash, subresource = item["name"].partition("/")
        if slash:
            subresources.setdefault(plural, []).append(subresource)
    return [
        resources.Resource(
            group=group,
            version=version,
            plural=item["name"],
            kind=item["kind"],
            singular=item.get("singularName") or "",
            namespaced=bool(item.get("namespaced")),
            verbs=tuple(item.get("verbs") or ()),
            subresources=tuple(subresources.get(item["name"], ())),
        )
        for item in items
        if "/" not in item["name"]
    ]


def preferred(rows: Iterable[resources.Resource]) -> list[resources.Resource]:
    """One row for each (group, plural): the first version served, which is the group's preferred one."""
    chosen: dict[tuple[str, str], resources.Resource] = {}
    for row in rows:
        chosen.setdefault((row.group, row.plural), row)
    # Events are served by two groups and are the same objects.
    if ("", "events") in chosen:
        chosen.pop(("events.k8s.io", "events"), None)
    return list(chosen.values())
