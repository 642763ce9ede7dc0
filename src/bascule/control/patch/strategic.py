"""Strategic merge patch: a merge patch whose lists merge by key, as each type's schema says, plus directives.

`$patch: delete|replace` in objects and list items, `$retainKeys` in objects, and beside a list `x` the members
`$setElementOrder/x` and `$deleteFromPrimitiveList/x`. Where there is nothing to merge with, what has a `$patch` is left
out and other directives are members like any, as upstream. Neither argument is changed; what the patch leaves as it
is, is the same object in the result, so that who looks at it next sees at once what did not change.

Upstream answers most of what can be wrong with a patch with 500; here it is 422, in upstream's words.
"""

from __future__ import annotations

from typing import Any

from bascule.control.patch import ordering, printed
from bascule.control.schema import types
from bascule.vocabulary import errors

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ORDER = "$setElementOrder"
DELETE_PRIMITIVES = "$deleteFromPrimitiveList"

_GONE: Any = object()
_SCALARS = frozenset((str, int, bool))
_GO_TYPES = {str: "string", bool: "bool", int: "int64", dict: "map[string]interface {}", type(None): "nil"}
_AFTER_DIRECTIVES = "%"
"""What comes after `$`: the least name of a map without directives is not before it."""


def apply(document: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    """The document with the patch merged in. Raises StatusError (400, 422)."""
    if not isinstance(patch, dict):
        raise errors.bad_request("error decoding patch: a strategic merge patch is an object")
    return _merge_maps(document, patch, schema)


def _merge_maps(original: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    if patch and min(patch) < _AFTER_DIRECTIVES:
        return _merge_directed(original, patch, schema)
    return _merge_members(original, patch, schema)


def _merge_members(original: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    """Of a patch without directives."""
    merged = original
    for name, value in patch.items():
        present = original.get(name)
        if value.__class__ in _SCALARS:
            if value == present and value.__class__ is present.__class__:
                continue
        elif value is not None:
            value = _merged_member(present, value, schema.field(name) or types.ANYTHING)
            if value is present:
                continue
        if (value is None or value is _GONE) and name not in original:
            continue
        if merged is original:
            merged = original.copy()
        if value is None or value is _GONE:
            del merged[name]
        else:
            merged[name] = value
    return merged


def _merge_directed(original: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    if DIRECTIVE in patch:
        return _directed(patch)
    merged = _retained(original, patch)
    members: dict[str, Any] = {}
    orders: list[str] = []
    for name, value in patch.items():
        if name.startswith(SET_ORDER):
            orders.append(name)
        elif name.startswith(DELETE_PRIMITIVES):
            merged = _without_primitives(merged, _field_of(name, "primitive list"), value)
        elif name != RETAIN_KEYS:
            members[name] = value
    merged = _merge_members(merged, members, schema)
    for name in orders:
        merged = _ordered(original, merged, patch, name, schema)
    return merged


def _directed(patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != DIRECTIVE}
    if directive == "delete":
        return {}
    raise _rejected(f"unknown patch type: {printed.shown(directive)} in map: {printed.shown(patch)}")


def _without_primitives(merged: dict[str, Any], field: str, doomed: Any) -> dict[str, Any]:
    if doomed is None and field in merged:
        return {name: value for name, value in merged.items() if name != field}
    if isinstance(merged.get(field), list) and isinstance(doomed, list):
        return {**merged, field: [item for item in merged[field] if item not in doomed]}
    return merged


def _merged_member(present: Any, value: Any, schema: types.TypeSchema) -> Any:
    if value.__class__ is dict and present.__class__ is dict:
        return _stated(value) if "replace" in schema.patch_strategy else _merge_maps(present, value, schema)
    if value.__class__ is list and present.__class__ is list:
        return _merge_lists(present, value, schema) if "merge" in schema.patch_strategy else _stated(value)
    return _plain(value)


def _retained(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if RETAIN_KEYS not in patch:
        return original
    keys = patch[RETAIN_KEYS]
    retained = {key for key in keys if isinstance(key, str)} if isinstance(keys, list) else None
    if retained is None or any(
        value is not None
        and name not in retained
        and name != RETAIN_KEYS
        and not name.startswith((SET_ORDER, DELETE_PRIMITIVES))
        for name, value in patch.items()
    ):
        raise errors.bad_request("invalid patch format of retainKeys")
    return {name: value for name, value in original.items() if name in retained}


def _merge_lists(original: list[Any], patch: list[Any], schema: types.TypeSchema) -> list[Any]:
    classes = set(map(type, patch))
    present = set(map(type, original))
    if list in classes or list in present:
        raise _rejected("lists of lists are not supported")
    if dict not in classes and dict not in present:
        merged = list(dict.fromkeys([*original, *patch]))
        return ordering.interleaved(merged, patch, original, "")
    if not classes | present <= {dict}:
        raise _rejected(f"list element types are not identical: {printed.shown([original, patch])}")
    key = schema.patch_merge_key
    if not key:
        raise _rejected(f"cannot merge lists without merge key for {schema.definition.rpartition('.')[2]}")
    if any(DIRECTIVE in item for item in patch):
        original, patch, is_replaced = _special_items(original, patch, key)
        if is_replaced:
            return patch
    return _merge_items(original, patch, key, schema.items or types.ANYTHING)


def _merge_items(original: list[Any], patch: list[Any], key: str, element: types.TypeSchema) -> list[Any]:
    places = ordering.positions(original, key)
    is_ordered, last = len(places) == len(original), -1
    merged = original
    for item in patch:
        identity = _identity(item, key)
        place = places.get(identity)
        if place is None:
            merged = merged.copy() if merged is original else merged
            places[identity] = len(merged)
            merged.append(_stated(item))
            is_ordered = False
            continue
        is_ordered = is_ordered and place > last
        last = place
        changed = _merge_maps(merged[place], item, element)
        if changed is not merged[place]:
            merged = merged.copy() if merged is original else merged
            merged[place] = changed
    # Nothing is new, and both orders agree: that is the order it has.
    return merged if is_ordered else ordering.interleaved(merged, patch, original, key)


def _special_items(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any], bool]:
    """Carries out `$patch` in list items: what remains of both lists, and whether the patch's replaces all."""
    plain: list[Any] = []
    doomed: set[Any] = set()
    is_replaced = False
    for item in patch:
        if DIRECTIVE not in item:
            plain.append(item)
            continue
        directive = item[DIRECTIVE]
        if directive == "replace":
            is_replaced = True
        elif directive == "delete":
            doomed.add(_identity(item, key))
        elif directive == "merge":
            raise _rejected("merging lists cannot yet be specified in the patch")
        else:
            raise _rejected(f"unknown patch type: {printed.shown(directive)} in map: {printed.shown(item)}")
    if doomed:
        original = [item for item in original if ordering.identity(item, key) not in doomed]
    return original, plain, is_replaced


def _ordered(
    original: dict[str, Any], merged: dict[str, Any], patch: dict[str, Any], directive: str, schema: types.TypeSchema
) -> dict[str, Any]:
    order = patch[directive]
    name = _field_of(directive, "setElementOrder list")
    if not isinstance(order, list):
        raise _rejected(f"expected a []interface {{}}, but received a {_GO_TYPES.get(type(order), 'float64')}")
    items = merged.get(name)
    if not isinstance(items, list):
        return merged
    field = schema.field(name) or types.ANYTHING
    key = field.patch_merge_key
    given = patch.get(name)
    if order and isinstance(given, list):
        _check_order(order, given, key)
    before = original.get(name)
    ordered = ordering.interleaved(items, order, before if isinstance(before, list) else [], key)
    return merged if ordered is items else {**merged, name: ordered}


def _check_order(order: list[Any], given: list[Any], key: str) -> None:
    """The patch's items are among those ordered, and in that order."""
    places = iter([ordering.identity(item, key) for item in order])
    for item in given:
        if isinstance(item, dict) and DIRECTIVE in item:
            continue
        if ordering.identity(item, key) not in places:
            stated = f"The order in patch list:\n{printed.shown(given)}\n"
            raise errors.bad_request(f"{stated} doesn't match {SET_ORDER} list:\n{printed.shown(order)}\n")


def _plain(value: Any) -> Any:
    """A patch's value where there is nothing to merge with: without nulls, without what has a `$patch`, and a copy."""
    if value.__class__ is dict:
        if value.get(DIRECTIVE) is not None:
            return _GONE
        members = {
            name: member if member.__class__ in _SCALARS else _plain(member)
            for name, member in value.items()
            if member is not None
        }
        if _GONE in members.values():
            return {name: member for name, member in members.items() if member is not _GONE}
        return members
    if value.__class__ is list:
        return [plain for item in value if (plain := _plain(item)) is not _GONE]
    return value


def _stated(value: Any) -> Any:
    """A patch's value that replaces one, or that a list gains: without nulls, and a copy."""
    if value.__class__ is dict:
        return {name: _stated(member) for name, member in value.items() if member is not None}
    if value.__class__ is list:
        return [_stated(item) for item in value]
    return value


def _identity(item: Any, key: str) -> Any:
    identity = ordering.identity(item, key)
    if identity is None:
        raise _rejected(f"map: {printed.shown(item)} does not contain declared merge key: {key}")
    return identity


def _field_of(directive: str, what: str) -> str:
    """The list that a directive beside it is about."""
    prefix, slash, name = directive.partition("/")
    if not slash or prefix not in (SET_ORDER, DELETE_PRIMITIVES):
        raise errors.bad_request(f"invalid patch format of {what}")
    return name


def _rejected(problem: str) -> errors.StatusError:
    message = f"the server rejected our request due to an error in our request: {problem}"
    return errors.StatusError(422, "Invalid", message, {"causes": [{"message": problem}]})
