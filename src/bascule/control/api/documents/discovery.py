"""What the server serves, told to clients: legacy documents for each group and version, and the aggregated one.

Computed from the registry once, as bytes. A group's first version in the registry is its preferred one.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final

from bascule.control.api.subresources import rows as subresources
from bascule.control.api.wire import negotiate, respond
from bascule.vocabulary import resources

_MEDIA: Final = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


class Documents:
    """The discovery documents of one registry."""

    def __init__(self, registry: resources.Registry, address: str) -> None:
        self._address = address
        self._bytes: dict[tuple[str, str], bytes] = {}
        self._rows: dict[str, dict[str, list[resources.Resource]]] = {}
        for row in registry:
            self._rows.setdefault(row.group, {}).setdefault(row.version, []).append(row)
        self._groups = [group for group in self._rows if group]

    def paths(self) -> list[str]:
        """Every path that has a document."""
        groups = [path for group in self._groups for path in (f"/apis/{group}", *self._versions(group))]
        return ["/api", "/api/v1", "/apis", *groups]

    def _versions(self, group: str) -> list[str]:
        return [f"/apis/{group}/{version}" for version in self._rows[group]]

    def answer(self, path: str, accept: str) -> tuple[bytes, str] | None:
        """The document at a path and its media type; None where there is none, 406 for a type that it is not in."""
        if path in ("/api", "/apis") and (wanted := negotiate.discovery(accept).version):
            return self._body(path, wanted, lambda: self._aggregated(path, wanted)), _MEDIA.format(version=wanted)
        content = self._content(path)
        if content is None:
            return None
        if negotiate.accept(accept, transforms=False).encoding == "yaml":
            return self._body(path, negotiate.YAML, lambda: content, "yaml"), negotiate.YAML
        return self._body(path, "", lambda: content), negotiate.JSON

    def _body(self, path: str, form: str, make: Callable[[], Any], encoding: negotiate.Encoding = "json") -> bytes:
        body = self._bytes.get((path, form))
        if body is None:
            body = self._bytes[path, form] = respond.dump(make(), encoding)
        return body

    def _content(self, path: str) -> Any:
        match path.split("/")[1:]:
            case ["api"]:
                return {
                    "kind": "APIVersions",
                    "versions": ["v1"],
                    "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": self._address}],
                }
            case ["api", "v1"]:
                return self._resource_list("", "v1")
            case ["apis"]:
                groups = [self._group(group) for group in self._groups]
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            case ["apis", group] if group in self._groups:
                return {"kind": "APIGroup", "apiVersion": "v1", **self._group(group)}
            case ["apis", group, version] if group and version in self._rows.get(group, ()):
                return self._resource_list(group, version)
        return None

    def _group(self, group: str) -> dict[str, Any]:
        versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in self._rows[group]]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def _resource_list(self, group: str, version: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        for resource in self._of(group, version):
            rows.append(_legacy_row(resource))
            for subresource in resource.subresources:
                spoken = subresources.spoken(resource, subresource)
                row = {
                    "name": f"{resource.plural}/{subresource}",
                    "singularName": "",
                    "namespaced": resource.namespaced,
                    "kind": spoken.kind,
                    "verbs": list(spoken.verbs),
                }
                if (spoken.group, spoken.version) != (group, version):
                    row |= {"group": spoken.group, "version": spoken.version}
                rows.append(row)
        group_version = f"{group}/{version}" if group else version
        content = {"kind": "APIResourceList", "groupVersion": group_version, "resources": rows}
        return content | {"apiVersion": "v1"} if group else content

    def _of(self, group: str, version: str) -> list[resources.Resource]:
        return sorted(self._rows[group][version], key=lambda row: row.plural)

    def _aggregated(self, path: str, api: str) -> dict[str, Any]:
        groups = [""] if path == "/api" else self._groups
        items = []
        for group in groups:
            versions = [
                {
                    "version": version,
                    "resources": [_aggregated_row(resource) for resource in self._of(group, version)],
                    "freshness": "Current",
                }
                for version in self._rows[group]
            ]
            metadata: dict[str, Any] = {"creationTimestamp": None}
            if group:
                metadata["name"] = group
            items.append({"metadata": metadata, "versions": versions})
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{api}",
            "metadata": {},
            "items": items,
        }


def _legacy_row(resource: resources.Resource) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if "list" in resource.verbs:
        row["storageVersionHash"] = _storage_version_hash(resource)
    return row


def _storage_version_hash(resource: resources.Resource) -> str:
    """What changes when the version does that objects are stored in."""
    group = resource.stored_as[0] if resource.stored_as else resource.group
    text = f"{group}/{resource.storage_version or resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _response_kind(resource: resources.Resource, group: str, version: str, kind: str) -> dict[str, str]:
    """Group and version are left empty where they are those of the document's own place."""
    if (group, version) == (resource.group, resource.version):
        group = version = ""
    return {"group": group, "version": version, "kind": kind}


def _aggregated_row(resource: resources.Resource) -> dict[str, Any]:
    row: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": _response_kind(resource, resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if resource.subresources:
        row["subresources"] = [
            {
                "subresource": subresource,
                "responseKind": _response_kind(resource, spoken.group, spoken.version, spoken.kind),
                "verbs": list(spoken.verbs),
            }
            for subresource in resource.subresources
            for spoken in (subresources.spoken(resource, subresource),)
        ]
    return row
