"""What reads bytes that a stranger sent, each as a function of bytes that may only refuse: `StatusError`, 4xx."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from bascule.control.api import continuing, route
from bascule.control.api.wire import negotiate
from bascule.control.kinds import deployments
from bascule.control.patch import apply, json_patch, managed_fields, merge_patch, strategic
from bascule.control.schema import catalog, decoding, validation
from bascule.vocabulary import errors, fields, labels, objects, quantity, timestamps
from tests.unit.control.kinds import samples

Target = Callable[[bytes], object]

_PARTICULARS = re.compile(r"""\"[^"]*\"?|'[^']*'?|\([^)]*\)?|\S*[^a-zA-Z\s]\S*|\b\w*[A-Z]\w*""")
_STATUS_MAX_BYTES = 1 << 20
_NOW = "2026-01-02T03:04:05Z"


def _live() -> objects.Object:
    made = samples.workload("Deployment")
    deployments.STRATEGY.default(made)
    return made


def _schema() -> Any:
    return catalog.schema_of("apps/v1", "Deployment")


def _decoded(media: str) -> Target:
    def read(content: bytes) -> object:
        obj = decoding.decode(content, media, default=("apps/v1", "Deployment"))
        decoding.duplicates(content, media)
        findings = validation.check(obj, _schema(), duplicates=[])
        validation.enforce(findings, obj, "Warn")
        pruned = validation.prune_unknown(obj, _schema())
        deployments.STRATEGY.default(pruned)
        return deployments.STRATEGY.validate(pruned)

    return read


def _json_patch(content: bytes) -> object:
    operations = decoding.decode_value(content, decoding.JSON)
    if not isinstance(operations, list):
        raise errors.bad_request("a JSON patch is a list of operations")
    return json_patch.apply(_live(), operations)


def _merge_patch(content: bytes) -> object:
    return merge_patch.apply(_live(), decoding.decode_value(content, decoding.JSON))


def _strategic(content: bytes) -> object:
    patch = decoding.decode_value(content, decoding.JSON)
    if not isinstance(patch, dict):
        raise errors.bad_request("a merge patch is an object")
    return strategic.apply(_live(), patch, _schema())


def _apply(content: bytes) -> object:
    applied = decoding.decode(content, decoding.YAML, default=("apps/v1", "Deployment"))
    return apply.server_side(_live(), applied, "fuzz", force=True, schema=_schema(), now=_NOW)


def _managed(content: bytes) -> object:
    """A client writes managed fields of its own making, and then somebody applies."""
    given = decoding.decode_value(content, decoding.JSON)
    sent = _live()
    sent["metadata"]["managedFields"] = given
    validation.enforce(validation.check(sent, _schema(), duplicates=[]), sent, "Ignore")
    live = _live()
    live["spec"]["replicas"] = 7
    live["metadata"]["managedFields"] = managed_fields.record_update(
        live, sent, "writer", api_version="apps/v1", now=_NOW, schema=_schema()
    )
    mine = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}}
    return apply.server_side(live, mine, "fuzz", force=True, schema=_schema(), now=_NOW)


def _path(content: bytes) -> object:
    try:
        return route.parse("/" + content.decode("latin-1"))
    except route.UnknownPath as error:
        raise errors.path_not_found() from error


def _quantity(content: bytes) -> object:
    try:
        return quantity.canonical(_text(content))
    except quantity.QuantityError as error:
        raise errors.bad_request(str(error)) from error


def _time(content: bytes) -> object:
    try:
        return timestamps.parse(_text(content))
    except ValueError as error:
        raise errors.bad_request(str(error)) from error


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _query(content: bytes) -> object:
    given = dict(parse_qsl(_text(content), keep_blank_values=True))
    labels.parse(given.get("labelSelector", ""))
    return fields.parse(given.get("fieldSelector", ""))


TARGETS: dict[str, Target] = {
    "json": _decoded(decoding.JSON),
    "yaml": _decoded(decoding.YAML),
    "protobuf": _decoded(decoding.PROTOBUF),
    "json_patch": _json_patch,
    "merge_patch": _merge_patch,
    "strategic_patch": _strategic,
    "apply": _apply,
    "managed_fields": _managed,
    "selectors": _query,
    "label_selector": lambda content: labels.parse(_text(content)),
    "field_selector": lambda content: fields.parse(_text(content)),
    "continue": lambda content: continuing.read(content.decode("latin-1"), "root", "default"),
    "path": _path,
    "accept": lambda content: negotiate.accept(content.decode("latin-1")),
    "quantity": _quantity,
    "time": _time,
}


def outcome(target: str, content: bytes) -> str:
    """What the input led to, without its particulars. Raises whatever a server must never raise."""
    try:
        TARGETS[target](content)
    except errors.StatusError as error:
        if not 400 <= error.code < 500 or len(orjson.dumps(error.status())) > _STATUS_MAX_BYTES:
            raise AssertionError(f"{error.code}: {error.message[:200]}") from error
        words = _PARTICULARS.sub("", error.message).split()
        return " ".join([str(error.code), *words[:8]])
    return "accepted"
