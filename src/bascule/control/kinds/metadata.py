"""Rules of the metadata every object has.

`problems` checks one object's metadata against its kind's rule for names; `update_problems` checks what an update may
not change. The usual object has a plain name and few labels, and costs about two microseconds: names and keys that
passed once are remembered. Whether a namespace belongs there is decided by the URL, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from bascule.control.kinds import check, shape
from bascule.vocabulary import errors, names, quoting
from bascule.vocabulary.objects import Object

ANNOTATIONS_SIZE_MAX = 256 * 1024
_MANAGER_MAX = 128
_OPERATIONS = ("Apply", "Update")
NameRule = Callable[[str], tuple[str, ...]]


def _remembered(rule: Callable[[str], list[str]]) -> NameRule:
    @lru_cache(maxsize=4096)
    def problems(name: str) -> tuple[str, ...]:
        return tuple(rule(name))

    return problems


subdomain: NameRule = check.subdomain_problems
label: NameRule = check.label_problems
dns1035_label = _remembered(names.is_dns1035_label)
path_segment = _remembered(names.is_path_segment)
_label_key = _remembered(names.label_key_problems)
_label_value = _remembered(names.label_value_problems)


def short_subdomain(limit: int) -> NameRule:
    """A subdomain short enough that generated names derived from it still fit."""

    @lru_cache(maxsize=1024)
    def problems(name: str) -> tuple[str, ...]:
        found = names.is_dns1123_subdomain(name)
        if len(name) > limit:
            found = [f"must be no more than {limit} characters", *found]
        return tuple(found)

    return problems


@lru_cache(maxsize=1024)
def anything(_: str) -> tuple[str, ...]:
    """Names with rules of their own, checked by their kind."""
    return ()


_NOTHING: Object = {}


def problems(obj: Object, name_rule: NameRule, stored: Object | None = None) -> list[errors.Cause]:
    """What is wrong with the metadata. What it shares with that of the `stored` object was checked before."""
    metadata = shape.mapping(obj, "metadata")
    before = shape.mapping(stored, "metadata") if stored is not None else _NOTHING
    found: list[errors.Cause] = []
    prefix = metadata.get("generateName")
    if type(prefix) is str and prefix:
        found += [errors.invalid_value("metadata.generateName", prefix, text) for text in name_rule(_whole(prefix))]
    name = metadata.get("name")
    if type(name) is str and name:
        found += [errors.invalid_value("metadata.name", name, problem) for problem in name_rule(name)]
    else:
        found.append(errors.required("metadata.name", "name or generateName is required"))
    for key, value in metadata.items():
        rule = _RULES.get(key)
        if rule is not None and value is not before.get(key):
            found.extend(rule(metadata))
    return found


def _whole(prefix: str) -> str:
    """A prefix as a name, so that it is judged by the same rule: its last dash is not the end."""
    return f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _generation(metadata: Object) -> Iterator[errors.Cause]:
    yield from check.not_negative("metadata.generation", metadata.get("generation"))


def _labels(metadata: Object) -> Iterator[errors.Cause]:
    return label_problems("metadata.labels", metadata.get("labels"))


def label_problems(path: str, labels: Any) -> Iterator[errors.Cause]:
    """Keys and values of a map of labels; used for templates and plain selectors too."""
    if type(labels) is not dict:
        return
    for key, value in labels.items():
        for problem in _label_key(key):
            yield errors.invalid_value(path, key, problem)
        if type(value) is str:
            yield from label_value_problems(path, value)


def label_value_problems(path: str, value: str) -> Iterator[errors.Cause]:
    for problem in _label_value(value):
        yield errors.invalid_value(path, value, problem)


def _annotations(metadata: Object) -> Iterator[errors.Cause]:
    return annotation_problems("metadata.annotations", metadata.get("annotations"))


def annotation_problems(path: str, annotations: Any) -> Iterator[errors.Cause]:
    if type(annotations) is not dict:
        return
    size_bytes = 0
    for key, value in annotations.items():
        # Keys are checked in lower case: upper case in the prefix is allowed for annotations.
        for problem in _label_key(key.lower()):
            yield errors.invalid_value(path, key, problem)
        if type(value) is str:
            size_bytes += len(key) + (len(value) if value.isascii() else len(value.encode()))
    if size_bytes > ANNOTATIONS_SIZE_MAX:
        yield errors.too_long(path, ANNOTATIONS_SIZE_MAX)


def _finalizers(metadata: Object) -> Iterator[errors.Cause]:
    finalizers = shape.texts(metadata, "finalizers")
    for index, name in enumerate(finalizers):
        for problem in _label_key(name):
            yield errors.invalid_value("metadata.finalizers", name, problem)
        if "/" not in name and name not in ("kubernetes", "orphan", "foregroundDeletion"):
            yield errors.invalid_value(
                f"metadata.finalizers[{index}]",
                name,
                "name is neither a standard finalizer name nor is it fully qualified",
            )
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        yield errors.invalid_value(
            "metadata.finalizers",
            finalizers,
            "finalizer orphan and foregroundDeletion cannot be both set",
        )


def _owner_references(metadata: Object) -> Iterator[errors.Cause]:
    path = "metadata.ownerReferences"
    controller = ""
    for owner in shape.items(metadata, "ownerReferences"):
        version = shape.text(owner, "apiVersion")
        if not version:
            yield errors.invalid_value(f"{path}.apiVersion", version, "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                yield errors.invalid_value(f"{path}.{field}", "", "must not be empty")
        if version == "v1" and owner.get("kind") == "Event":
            yield errors.invalid_value(path, owner, "/v1, Kind=Event is disallowed from being an owner")
        if owner.get("controller") is True:
            this = f"{shape.text(owner, 'kind')}/{shape.text(owner, 'name')}"
            if controller:
                yield errors.invalid_value(
                    path,
                    metadata["ownerReferences"],
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller} and {this}",
                )
            controller = controller or this


def _managed_fields(metadata: Object) -> Iterator[errors.Cause]:
    for index, entry in enumerate(shape.items(metadata, "managedFields")):
        manager = entry.get("manager")
        if (
            entry.get("operation") in _OPERATIONS
            and entry.get("fieldsType") == "FieldsV1"
            and type(manager) is str
            and len(manager) <= _MANAGER_MAX
        ):
            continue
        path = f"metadata.managedFields[{index}]"
        if entry.get("operation") not in _OPERATIONS:
            yield errors.invalid_value(f"{path}.operation", entry.get("operation") or "", "must be `Apply` or `Update`")
        fields_type = shape.text(entry, "fieldsType")
        if fields_type and fields_type != "FieldsV1":
            yield errors.invalid_value(f"{path}.fieldsType", fields_type, "must be `FieldsV1`")
        if len(shape.text(entry, "manager")) > _MANAGER_MAX:
            yield errors.too_long(f"{path}.manager", _MANAGER_MAX)


_RULES: dict[str, Callable[[Object], Iterator[errors.Cause]]] = {
    "generation": _generation,
    "labels": _labels,
    "annotations": _annotations,
    "finalizers": _finalizers,
    "ownerReferences": _owner_references,
    "managedFields": _managed_fields,
}


def update_problems(new: Object, old: Object) -> list[errors.Cause]:
    """What no update may change, and what only the server may."""
    mine, theirs = shape.mapping(new, "metadata"), shape.mapping(old, "metadata")
    found = [
        errors.invalid_value(f"metadata.{key}", mine.get(key), errors.IMMUTABLE)
        for key in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp")
        if mine.get(key) != theirs.get(key) and (mine.get(key) or theirs.get(key))
    ]
    if mine.get("deletionTimestamp"):
        before = shape.texts(theirs, "finalizers")
        added = [name for name in shape.texts(mine, "finalizers") if name not in before]
        if added:
            listed = ", ".join(map(quoting.quoted, added))
            found.append(
                errors.forbidden_field(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, found new finalizers "
                    f"[]string{{{listed}}}",
                )
            )
    if shape.count(mine, "generation") < shape.count(theirs, "generation"):
        found.append(errors.invalid_value("metadata.generation", mine.get("generation"), "must not be decremented"))
    return found
