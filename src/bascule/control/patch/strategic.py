"""Strategic merge patch: a merge patch whose lists merge by key, as each type's schema says, plus directives.

`$patch: delete|replace|merge` in objects and list items, `$retainKeys` in objects, and beside a list `x` the members
`$setElementOrder/x` and `$deleteFromPrimitiveList/x`. Neither argument is changed; what the patch leaves as it is,
is the same object in the result, so that who looks at it next sees at once what did not change.
"""

from __future__ import annotations

from typing import Any

from bascule.control.patch import ordering
from bascule.control.schema import types
from bascule.vocabulary import errors

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ORDER = "$setElementOrder/"
DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"

_GONE: Any = object()
_SCALARS = frozenset((str, int, bool))
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
        elif name not in original:
            continue
        if merged is original:
            merged = original.copy()
        if value is None:
            del merged[name]
        else:
            merged[name] = value
    return merged


def _merge_directed(original: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise _rejected(f"unknown patch type found: {directive!r}")
    merged = _retained(original, patch)
    members: dict[str, Any] = {}
    orders: list[str] = []
    for name, value in patch.items():
        if not name.startswith("$"):
            members[name] = value
        elif name.startswith(SET_ORDER):
            orders.append(name)
        elif name.startswith(DELETE_PRIMITIVES):
            field = name.removeprefix(DELETE_PRIMITIVES)
            if isinstance(merged.get(field), list):
                doomed = _list_of(name, value)
                merged = {**merged, field: [item for item in merged[field] if item not in doomed]}
        elif name not in (DIRECTIVE, RETAIN_KEYS):
            raise _rejected(f"unknown directive {name}")
    merged = _merge_members(merged, members, schema)
    for name in orders:
        merged = _ordered(original, merged, patch, name, schema)
    return merged


def _merged_member(present: Any, value: Any, schema: types.TypeSchema) -> Any:
    if value.__class__ is dict and present.__class__ is dict and "replace" not in schema.patch_strategy:
        return _merge_maps(present, value, schema)
    if value.__class__ is list and present.__class__ is list and "merge" in schema.patch_strategy:
        return _merge_lists(present, value, schema)
    plain = _plain(value)
    return {} if plain is _GONE else plain


def _retained(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    keys = patch.get(RETAIN_KEYS)
    if keys is None:
        return original
    retained = {key for key in _list_of(RETAIN_KEYS, keys) if isinstance(key, str)}
    for name, value in patch.items():
        if not name.startswith("$") and value is not None and name not in retained:
            raise errors.bad_request(
                f"invalid patch format of retainKeys directive: {name} is in the patch but not retained"
            )
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
        raise _rejected("the items of a list are not of one type")
    key = schema.patch_merge_key
    if not key:
        raise _rejected("cannot merge lists without merge key")
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
            merged.append(_plain(item))
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
        directive = item.get(DIRECTIVE) if isinstance(item, dict) else None
        if directive == "replace":
            is_replaced = True
            rest = {name: value for name, value in item.items() if name != DIRECTIVE}
            if rest:
                plain.append(rest)
        elif directive == "delete":
            doomed.add(_identity(item, key))
        elif directive in (None, "merge"):
            plain.append(item)
        else:
            raise _rejected(f"unknown patch type found: {directive!r}")
    if doomed:
        original = [item for item in original if ordering.identity(item, key) not in doomed]
    return original, plain, is_replaced


def _ordered(
    original: dict[str, Any], merged: dict[str, Any], patch: dict[str, Any], directive: str, schema: types.TypeSchema
) -> dict[str, Any]:
    order = _list_of(directive, patch[directive])
    name = directive.removeprefix(SET_ORDER)
    items = merged.get(name)
    if not isinstance(items, list):
        return merged
    field = schema.field(name) or types.ANYTHING
    key = field.patch_merge_key
    given = patch.get(name)
    if order and isinstance(given, list):
        _check_order(directive, order, given, key)
    before = original.get(name)
    ordered = ordering.interleaved(items, order, before if isinstance(before, list) else [], key)
    return merged if ordered is items else {**merged, name: ordered}


def _check_order(directive: str, order: list[Any], given: list[Any], key: str) -> None:
    """The patch's items are among those ordered, and in that order."""
    places = iter([ordering.identity(item, key) for item in order])
    for item in given:
        if isinstance(item, dict) and DIRECTIVE in item:
            continue
        if ordering.identity(item, key) not in places:
            raise errors.bad_request(f"The order in patch list:\n{given}\n doesn't match {directive} list:\n{order}\n")


def _plain(value: Any) -> Any:
    """A patch's value where there is nothing to merge with: without nulls and directives, and a copy."""
    if value.__class__ is dict:
        if value and min(value) < _AFTER_DIRECTIVES:
            if value.get(DIRECTIVE) == "delete":
                return _GONE
            value = {name: member for name, member in value.items() if not name.startswith("$")}
        members = {
            name: member if member.__class__ in _SCALARS else _plain(member)
            for name, member in value.items()
            if member is not None
        }
        if _GONE in members.values():
            return {name: member for name, member in members.items() if member is not _GONE}
        return members
    if value.__class__ is list:
        return [
            plain
            for item in value
            if not (item.__class__ is dict and len(item) == 1 and DIRECTIVE in item)
            and (plain := _plain(item)) is not _GONE
        ]
    return value


def _identity(item: Any, key: str) -> Any:
    identity = ordering.identity(item, key)
    if identity is None:
        raise _rejected(f"map: {item} does not contain declared merge key: {key}")
    return identity


def _list_of(directive: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise errors.bad_request(f"invalid patch format: {directive} must be a list")
    return value


def _rejected(problem: str) -> errors.StatusError:
    message = f"the server rejected our request due to an error in our request: {problem}"
    return errors.StatusError(422, "Invalid", message, {"causes": [{"message": problem}]})
