"""CustomResourceDefinitions: kinds that users define. Their rules are in `custom_resource_definition/`.

Those, and with them all that reads schemas and expressions, are imported with the first definition: beside the event
loop, as they are many.
"""

from __future__ import annotations

import dataclasses
import sys

from bascule.control.kinds import generic, metadata, shape
from bascule.control.kinds.custom_resource_definition import outline
from bascule.control.kinds.strategy import Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_RULES = "bascule.control.kinds.custom_resource_definition.rules"
_PLAIN_FINALIZER = "name is neither a standard finalizer name nor is it fully qualified"


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    names = shape.ensure(spec, "names")
    kind = shape.text(names, "kind")
    if kind:
        shape.fill_zero(names, "singular", kind.lower())
        shape.fill_zero(names, "listKind", kind + "List")
    shape.fill(spec, "conversion", {"strategy": "None"})
    client = shape.mapping(shape.mapping(shape.mapping(spec, "conversion"), "webhook"), "clientConfig")
    if type(client.get("service")) is dict:
        shape.fill(client["service"], "port", 443)
    if spec.get("preserveUnknownFields") is False:
        del spec["preserveUnknownFields"]
    for version in shape.items(spec, "versions"):
        schema = shape.mapping(version, "schema").get("openAPIV3Schema")
        if type(schema) is dict:
            from bascule.control.custom import keywords, numbers

            keywords.drop_unknown(schema)
            numbers.settle(schema)


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {
        "acceptedNames": {"plural": "", "kind": ""},
        "conditions": [],
        "storedVersions": _storing(obj),
    }


def _storing(obj: Object) -> list[str]:
    """The version that stores: the first that says so."""
    versions = shape.items(shape.mapping(obj, "spec"), "versions")
    return [shape.text(version, "name") for version in versions if version.get("storage") is True][:1]


def _update(new: Object, old: Object, context: Context) -> None:
    """A version that stores is remembered: objects may be kept in it from now on."""
    stored = shape.texts(shape.mapping(new, "status"), "storedVersions")
    added = [name for name in _storing(new) if name not in stored]
    if added:
        new["status"] = {**shape.mapping(new, "status"), "storedVersions": [*stored, *added]}


def _metadata_problems(obj: Object) -> list[errors.Cause]:
    causes = metadata.problems(obj, metadata.subdomain)
    return [cause for cause in causes if not cause.message.endswith(_PLAIN_FINALIZER)]


def _validate(obj: Object) -> list[errors.Cause]:
    from bascule.control.kinds.custom_resource_definition import rules

    return _metadata_problems(obj) + list(rules.problems(obj, None))


def _validate_update(new: Object, old: Object) -> list[errors.Cause]:
    from bascule.control.kinds.custom_resource_definition import rules

    return _metadata_problems(new) + metadata.update_problems(new, old) + list(rules.problems(new, old))


def _validate_status(new: Object, old: Object) -> list[errors.Cause]:
    from bascule.control.kinds.custom_resource_definition import rules

    return _metadata_problems(new) + metadata.update_problems(new, old) + list(rules.status_problems(new))


def _unrecognized(obj: Object) -> list[str]:
    """Formats that values of their types are not checked for."""
    from bascule.control.custom import formats, structurality

    found = []
    for version in shape.items(shape.mapping(obj, "spec"), "versions"):
        schema = shape.mapping(shape.mapping(version, "schema"), "openAPIV3Schema")
        for below in structurality.walk(schema):
            name = shape.text(below, "format")
            if name and not formats.known(shape.text(below, "type"), name):
                found.append(name)
    return list(dict.fromkeys(found))


def _warnings(obj: Object) -> list[str]:
    return [f'unrecognized format "{name}"' for name in _unrecognized(obj)]


def _update_warnings(new: Object, old: Object) -> list[str]:
    known = _unrecognized(old)
    return [f'unrecognized format "{name}"' for name in _unrecognized(new) if name not in known]


def _fields(obj: Object) -> dict[str, str]:
    """Nobody selects by the outline: it is to be had without decoding the definition."""
    return {outline.FIELD: outline.text(obj)} if obj.get("spec") else {}


STRATEGY = dataclasses.replace(
    generic.make(
        default=_default,
        create=_create,
        update=_update,
        fields=_fields,
        warnings=_warnings,
        update_warnings=_update_warnings,
        status=True,
        generation=True,
        unconditional_update=False,
        update_validates_alone=True,
        is_slow=lambda: _RULES not in sys.modules,
    ),
    validate=_validate,
    validate_update=_validate_update,
    validate_status=_validate_status,
)
