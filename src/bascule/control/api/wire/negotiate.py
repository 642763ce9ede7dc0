"""Which form of the answer the client asked for: JSON or YAML, the object itself, a Table, or metadata only.

Pure; the result for each distinct Accept header is remembered (clients send very few). Protobuf and CBOR are
accepted by no answer of ours: clients that prefer them also accept JSON.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from bascule.vocabulary import errors

Shape = Literal["object", "table", "metadata"]
Encoding = Literal["json", "yaml"]

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_FAMILIES: dict[str, Encoding] = {
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
    "*": "json",
    "application/yaml": "yaml",
}


_CONVERSION = {"as", "g", "v"}


class Accept(NamedTuple):
    """`version` is that of `meta.k8s.io` for tables and metadata: `v1` or `v1beta1`.

    `lists`: metadata was asked for as a list, which a single object cannot be, nor the other way round.
    """

    encoding: Encoding
    shape: Shape = "object"
    version: str = "v1"
    lists: bool = False

    def require(self, *, lists: bool, group: str, kind: str, custom: bool = False) -> None:
        """406 where metadata of a list was asked of a single object of the kind, or of one object of a list."""
        if self.shape != "metadata" or self.lists == lists:
            return
        asked, found = "PartialObjectMetadata", f"*{group.partition('.')[0] or 'core'}.{kind}"
        if custom:
            found = "*unstructured.Unstructured"
        if lists:
            raise _misfit(f"you requested {asked}, but the requested object is a list ({found}List)")
        raise _misfit(f"you requested {asked}List, but the requested object is not a list ({found})")


class Discovery(NamedTuple):
    """The aggregated discovery document asked for; version empty: the legacy one."""

    version: str


OBJECT_JSON = Accept("json")


def _misfit(message: str) -> errors.StatusError:
    return errors.StatusError(406, "NotAcceptable", message)


@lru_cache(maxsize=256)
def accept(header: str, *, transforms: bool = True) -> Accept:
    """The first alternative we can serve; raises 406 when none is. Without `transforms`, the object itself only."""
    if not header:
        return OBJECT_JSON
    for media, parameters in _alternatives(header):
        encoding = _FAMILIES.get(media)
        if encoding is None:
            continue
        stream = parameters.get("stream", "")
        if stream and (stream != "watch" or encoding != "json"):
            continue
        shape_name = parameters.get("as", "")
        if not _CONVERSION & parameters.keys():
            return OBJECT_JSON if encoding == "json" else Accept(encoding)
        version = parameters.get("v", "")
        if not transforms or parameters.get("g") != "meta.k8s.io" or version not in ("v1", "v1beta1"):
            continue
        if shape_name == "Table":
            return Accept(encoding, "table", version)
        if shape_name in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return Accept(encoding, "metadata", version, lists=shape_name.endswith("List"))
    raise errors.not_acceptable((JSON, YAML, PROTOBUF))


@lru_cache(maxsize=256)
def of_errors(header: str) -> Encoding:
    """How a Status is encoded for the header's sender: as asked for, else JSON."""
    try:
        return accept(header, transforms=False).encoding
    except errors.StatusError:
        return "json"


@lru_cache(maxsize=256)
def discovery(header: str) -> Discovery:
    """Which aggregated discovery document the header prefers, if any before the plain JSON one."""
    for media, parameters in _alternatives(header):
        if media not in ("application/json", "*/*", "application/*"):
            continue
        if parameters.get("as") == "APIGroupDiscoveryList" and parameters.get("g") == "apidiscovery.k8s.io":
            if parameters.get("v") in ("v2", "v2beta1"):
                return Discovery(parameters["v"])
            continue
        if "as" not in parameters:
            return Discovery("")
    return Discovery("")


def media_type(header: str) -> str:
    """The bare, lower-case type of a Content-Type header; JSON when it is absent."""
    if not header:
        return JSON
    return header.partition(";")[0].strip().lower()


def _alternatives(header: str) -> list[tuple[str, dict[str, str]]]:
    """The header's alternatives, most wanted first: by q, the more definite before wildcards, then by order."""
    weighted: list[tuple[tuple[float, int, int], str, dict[str, str]]] = []
    for position, part in enumerate(header.split(",")[:64]):
        media, *rest = (piece.strip() for piece in part.split(";"))
        parameters = {}
        for piece in rest:
            key, _, value = piece.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        try:
            weight = float(parameters.pop("q", "1"))
        except ValueError:
            weight = 0.0
        weighted.append(((-weight, media.count("*"), position), media.lower(), parameters))
    return [(media, parameters) for _, media, parameters in sorted(weighted, key=lambda entry: entry[0])]
