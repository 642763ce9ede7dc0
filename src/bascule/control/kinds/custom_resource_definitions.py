"""CustomResourceDefinitions: names, versions and their outline. The schemas inside are `control/schema`'s."""

from __future__ import annotations

from bascule.control.kinds import check, columns, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    names = shape.ensure(spec, "names")
    kind = shape.text(names, "kind")
    if kind:
        shape.fill_zero(names, "singular", kind.lower())
        shape.fill_zero(names, "listKind", kind + "List")
    conversion = shape.ensure(spec, "conversion")
    shape.fill_zero(conversion, "strategy", "None")
    service = shape.mapping(shape.mapping(shape.mapping(conversion, "webhook"), "clientConfig"), "service")
    if service:
        shape.fill(service, "port", 443)


def _create(obj: Object, context: Context) -> None:
    versions = shape.items(shape.mapping(obj, "spec"), "versions")
    stored = [shape.text(version, "name") for version in versions if version.get("storage") is True]
    obj["status"] = {
        "acceptedNames": {"plural": "", "kind": ""},
        "conditions": [],
        "storedVersions": stored,
    }


def _update(new: Object, old: Object, context: Context) -> None:
    """A version that stores is remembered: objects may be kept in it from now on."""
    stored = shape.texts(shape.mapping(new, "status"), "storedVersions")
    for version in shape.items(shape.mapping(new, "spec"), "versions"):
        name = shape.text(version, "name")
        if version.get("storage") is True and name not in stored:
            new["status"] = {**shape.mapping(new, "status"), "storedVersions": [*stored, name]}


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    names, group = shape.mapping(spec, "names"), shape.text(spec, "group")
    plural, name = shape.text(names, "plural"), columns.name(obj)
    if name != f"{plural}.{group}":
        yield errors.invalid_value("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    if not group:
        yield errors.required("spec.group", "")
    else:
        yield from check.subdomain("spec.group", group)
        if "." not in group:
            yield errors.invalid_value("spec.group", group, "should be a domain with at least one dot")
    if not spec.get("scope"):
        yield errors.required("spec.scope", "")
    yield from check.one_of("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    for key in ("plural", "singular", "kind", "listKind"):
        yield from _name(f"spec.names.{key}", shape.text(names, key))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield errors.invalid_value("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")
    yield from _versions(shape.items(spec, "versions"))


def _name(path: str, name: str) -> Causes:
    if not name:
        yield errors.required(path, "")
        return
    for problem in metadata.dns1035_label(name.lower()):
        yield errors.invalid_value(path, name, problem)


def _versions(versions: list[Object]) -> Causes:
    if not versions:
        yield errors.required("spec.versions", "")
        return
    storing = 0
    for index, version in enumerate(versions):
        at = f"spec.versions[{index}]"
        yield from _name(f"{at}.name", shape.text(version, "name"))
        storing += version.get("storage") is True
        if type(shape.mapping(version, "schema").get("openAPIV3Schema")) is not dict:
            yield errors.required(f"{at}.schema.openAPIV3Schema", "schemas are required")
    yield from check.unique("spec.versions", [version.get("name") for version in versions], "name")
    if storing != 1:
        yield errors.invalid_value("spec.versions", versions, "must have exactly one version marked as storage version")


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable_fields("spec", spec, before, ("group", "scope"))
    names, was = shape.mapping(spec, "names"), shape.mapping(before, "names")
    yield from check.immutable_fields("spec.names", names, was, ("plural", "kind"))


STRATEGY = generic.make(
    default=_default,
    create=_create,
    update=_update,
    rules=_rules,
    update_rules=_update_rules,
    status=True,
    generation=True,
    unconditional_update=False,
)
