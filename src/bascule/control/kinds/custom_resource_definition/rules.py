"""The rules of a definition as a whole: names, versions, conversion, and what an update may not change."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator

from bascule.control.kinds import check, columns, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.custom_resource_definition import conversion, outline, places, schemas, versions
from bascule.vocabulary import conditions, errors
from bascule.vocabulary.objects import Object

_SCOPES = ("Cluster", "Namespaced")
_APPROVAL = outline.APPROVED
_ENHANCEMENT = "see https://github.com/kubernetes/enhancements/pull/1111"
_MIXED = "may have mixed case, but should otherwise match: "
_STORED = (
    "missing from spec.versions; {0} was previously a storage version, and must remain in spec.versions until a "
    "storage migration ensures no data remains persisted in {0} and removes {0} from status.storedVersions"
)


def problems(obj: Object, old: Object | None) -> Causes:
    """Every cause of a definition, on creation or as an update of `old`."""
    spec, before = shape.mapping(obj, "spec"), shape.mapping(old or {}, "spec")
    if old is None:
        name = columns.name(obj)
        if name != f"{shape.text(shape.mapping(spec, 'names'), 'plural')}.{shape.text(spec, 'group')}":
            yield errors.invalid_value("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    yield from _group(spec)
    yield from _versions(spec)
    yield from schemas.problems(spec, before)
    yield from _parts(spec)
    yield from _names(shape.mapping(spec, "names"), "spec.names", required=True)
    known = shape.items(shape.mapping(old or {}, "status"), "conditions")
    established = (conditions.find(known, "Established") or {}).get("status") == "True"
    yield from conversion.problems(
        spec,
        bundle_must_be_valid=established and not conversion.has_invalid_bundle(before),
        review_must_be_known=old is None or conversion.knows_reviews(before),
    )
    if old is not None:
        yield from _immutable(spec, before, established=established)
    yield from status_problems(obj)
    yield from _stored(obj)
    yield from _approval(obj, old)
    if spec.get("preserveUnknownFields") is True and before.get("preserveUnknownFields") is not True:
        yield errors.invalid_value(
            "spec.preserveUnknownFields",
            True,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        )


def status_problems(obj: Object) -> Causes:
    accepted = shape.mapping(shape.mapping(obj, "status"), "acceptedNames")
    yield from _names(accepted, "status.acceptedNames", required=False)


def _group(spec: Object) -> Causes:
    group, scope = shape.text(spec, "group"), shape.text(spec, "scope")
    if not group:
        yield errors.required("spec.group", "")
    elif wrong := metadata.subdomain(group):
        yield errors.invalid_value("spec.group", group, ",".join(wrong))
    elif "." not in group:
        yield errors.invalid_value("spec.group", group, "should be a domain with at least one dot")
    if not scope:
        yield errors.required("spec.scope", "")
    elif scope not in _SCOPES:
        yield errors.not_supported("spec.scope", scope, _SCOPES)


def _versions(spec: Object) -> Causes:
    declared = shape.items(spec, "versions")
    names = [shape.text(version, "name") for version in declared]
    for index, version in enumerate(declared):
        path = f"spec.versions[{index}]"
        wrong = metadata.dns1035_label(names[index])
        if wrong:
            yield errors.invalid_value(f"{path}.name", names[index], ",".join(wrong))
        yield from versions.deprecation(version, path)
    if len(set(names)) != len(names):
        yield _of_all(declared, "must contain unique version names")
    if sum(version.get("storage") is True for version in declared) != 1:
        yield _of_all(declared, "must have exactly one version marked as storage version")
    wrong = metadata.dns1035_label(names[0]) if names else ()
    if wrong:
        yield errors.invalid_value("spec.version", names[0], ",".join(wrong))


def _of_all(declared: list[Object], message: str) -> errors.Cause:
    return errors.Cause("FieldValueInvalid", "spec.versions", f"Invalid value: {places.shown(declared)}: {message}")


def _parts(spec: Object) -> Iterator[errors.Cause]:
    declared = shape.items(spec, "versions")
    for part in places.parts(spec, "subresources"):
        yield from versions.subresources(part.value, part.field)
    for part in places.parts(spec, "additionalPrinterColumns"):
        yield from versions.columns(part.value, part.field)
    for part in places.parts(spec, "selectableFields"):
        schema = shape.mapping(declared[part.version or 0], "schema").get("openAPIV3Schema")
        yield from versions.selectable_fields(part.value, schema, part.field)


def _names(names: Object, path: str, *, required: bool) -> Causes:
    for key in ("plural", "singular", "kind", "listKind"):
        name = shape.text(names, key)
        if not name:
            if required:
                yield errors.required(f"{path}.{key}", "")
            continue
        mixed = key in ("kind", "listKind")
        wrong = metadata.dns1035_label(name.lower() if mixed else name)
        if wrong:
            yield errors.invalid_value(f"{path}.{key}", name, (_MIXED if mixed else "") + ",".join(wrong))
    for key in ("shortNames", "categories"):
        for index, name in enumerate(shape.texts(names, key)):
            wrong = metadata.dns1035_label(name)
            if wrong:
                yield errors.invalid_value(f"{path}.{key}[{index}]", name, ",".join(wrong))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield errors.invalid_value(f"{path}.listKind", names["listKind"], "kind and listKind may not be the same")


def _immutable(spec: Object, before: Object, *, established: bool) -> Causes:
    names, was = shape.mapping(spec, "names"), shape.mapping(before, "names")
    if established:
        yield from check.immutable("spec.scope", spec.get("scope"), before.get("scope"))
        yield from check.immutable("spec.names.kind", names.get("kind"), was.get("kind"))
    yield from check.immutable("spec.group", spec.get("group"), before.get("group"))
    yield from check.immutable("spec.names.plural", names.get("plural"), was.get("plural"))


def _stored(obj: Object) -> Causes:
    path, stored = "status.storedVersions", shape.texts(shape.mapping(obj, "status"), "storedVersions")
    if not stored:
        yield errors.Cause("FieldValueInvalid", path, "Invalid value: null: must have at least one stored version")
        return
    declared = shape.items(shape.mapping(obj, "spec"), "versions")
    for version in declared:
        name = shape.text(version, "name")
        if version.get("storage") is True and name not in stored:
            yield errors.invalid_value(path, stored, f"must have the storage version {name}")
    names = [version.get("name") for version in declared]
    for index, name in enumerate(stored):
        if name not in names:
            yield errors.invalid_value(f"{path}[{index}]", name, _STORED.format(name))


def _approval(obj: Object, old: Object | None) -> Causes:
    """Groups of the Kubernetes community need its approval, or the word that there is none."""
    group = shape.text(shape.mapping(obj, "spec"), "group")
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return
    text, state = _approval_of(obj)
    if old is not None and _approval_of(old)[1] == state:
        return
    path, need = f"metadata.annotations[{_APPROVAL}]", f'protected groups must have approval annotation "{_APPROVAL}"'
    if state == "missing":
        yield errors.required(path, f"{need}, {_ENHANCEMENT}")
    elif state == "invalid":
        reason = f'{need} with either a URL or a reason starting with "unapproved", {_ENHANCEMENT}'
        yield errors.invalid_value(path, text, reason)


def _approval_of(obj: Object) -> tuple[str, str]:
    text = shape.text(shape.mapping(shape.mapping(obj, "metadata"), "annotations"), _APPROVAL)
    if not text:
        return text, "missing"
    if text.startswith("unapproved"):
        return text, "bypassed"
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return text, "invalid"
    return text, "approved" if parts.scheme and parts.netloc else "invalid"
