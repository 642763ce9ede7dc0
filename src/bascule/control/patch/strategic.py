"""Strategic merge patch: a merge patch whose lists merge by key, as each type's schema says, plus directives.

`$patch: delete|replace|merge` in objects and list items, `$retainKeys` in objects, and beside a list `x` the members
`$setElementOrder/x` and `$deleteFromPrimitiveList/x`. Neither argument is changed; untouched parts are shared.
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
_SCALARS = frozenset((str, int, bool, float))


def apply(document: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    """The document with the patch merged in. Raises StatusError (400, 422)."""
    if not isinstance(patch, dict):
        raise errors.bad_request("error decoding patch: a strategic merge patch is an object")
    return _merge_maps(document, patch, schema)


def _merge_maps(original: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise _rejected(f"unknown patch type found: {directive!r}")
    merged = _retained(original, patch)
    directives = dict.fromkeys(name for name in patch if name.startswith("$"))
    for name in directives:
        if name.startswith(DELETE_PRIMITIVES):
            field = name.removeprefix(DELETE_PRIMITIVES)
            if isinstance(merged.get(field), list):
                doomed = _list_of(name, patch[name])
                merged[field] = [item for item in merged[field] if item not in doomed]
        elif name not in (DIRECTIVE, RETAIN_KEYS) and not name.startswith(SET_ORDER):
            raise _rejected(f"unknown directive {name}")
    for name, value in patch.items():
        if value.__class__ in _SCALARS:
            if name not in directives:
                merged[name] = value
        elif name in directives:
            continue
        elif value is None:
            merged.pop(name, None)
        else:
            _merge_member(merged, name, value, schema.field(name) or types.ANYTHING)
    for name in directives:
        if name.startswith(SET_ORDER):
            _set_order(original, merged, patch, name, _list_of(name, patch[name]), schema)
    return merged


def _merge_member(merged: dict[str, Any], name: str, value: Any, schema: types.TypeSchema) -> None:
    present = merged.get(name)
    if isinstance(value, dict) and isinstance(present, dict) and "replace" not in schema.patch_strategy:
        merged[name] = _merge_maps(present, value, schema)
    elif isinstance(value, list) and isinstance(present, list) and "merge" in schema.patch_strategy:
        merged[name] = _merge_lists(present, value, schema)
    else:
        plain = _plain(value)
        if plain is _GONE:
            merged[name] = {}
        else:
            merged[name] = plain


def _retained(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    keys = patch.get(RETAIN_KEYS)
    if keys is None:
        return dict(original)
    retained = {key for key in _list_of(RETAIN_KEYS, keys) if isinstance(key, str)}
    for name, value in patch.items():
        if not name.startswith("$") and value is not None and name not in retained:
            raise errors.bad_request(
                f"invalid patch format of retainKeys directive: {name} is in the patch but not retained"
            )
    return {name: value for name, value in original.items() if name in retained}


def _merge_lists(original: list[Any], patch: list[Any], schema: types.TypeSchema) -> list[Any]:
    if any(isinstance(item, list) for item in (*original, *patch)):
        raise _rejected("lists of lists are not supported")
    if not any(isinstance(item, dict) for item in (*original, *patch)):
        merged = list(dict.fromkeys([*original, *patch]))
        return ordering.interleaved(merged, patch, original, "")
    if not all(isinstance(item, dict) for item in patch):
        raise _rejected("the items of a list are not of one type")
    key = schema.patch_merge_key
    if not key:
        raise _rejected("cannot merge lists without merge key")
    original, patch, is_replaced = _special_items(original, patch, key)
    if is_replaced:
        return patch
    element = schema.items or types.ANYTHING
    merged = list(original)
    places = {ordering.identity(item, key): index for index, item in reversed(list(enumerate(merged)))}
    for item in patch:
        identity = _identity(item, key)
        index = places.get(identity)
        if index is None:
            places[identity] = len(merged)
            merged.append(_plain(item))
        else:
            merged[index] = _merge_maps(merged[index], item, element)
    return ordering.interleaved(merged, patch, original, key)


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


def _set_order(
    original: dict[str, Any],
    merged: dict[str, Any],
    patch: dict[str, Any],
    directive: str,
    order: list[Any],
    schema: types.TypeSchema,
) -> None:
    name = directive.removeprefix(SET_ORDER)
    items = merged.get(name)
    if not isinstance(items, list):
        return
    field = schema.field(name) or types.ANYTHING
    key = field.patch_merge_key
    given = patch.get(name)
    if order and isinstance(given, list):
        _check_order(directive, order, given, key)
    before = original.get(name)
    merged[name] = ordering.interleaved(items, order, before if isinstance(before, list) else [], key)


def _check_order(directive: str, order: list[Any], given: list[Any], key: str) -> None:
    """The patch's items are among those ordered, and in that order."""
    places = iter([ordering.identity(item, key) for item in order])
    for item in given:
        if isinstance(item, dict) and DIRECTIVE in item:
            continue
        if ordering.identity(item, key) not in places:
            raise errors.bad_request(f"The order in patch list:\n{given}\n doesn't match {directive} list:\n{order}\n")


def _plain(value: Any) -> Any:
    """A patch's value where there is nothing to merge with: without nulls and directives."""
    if isinstance(value, dict):
        if value.get(DIRECTIVE) == "delete":
            return _GONE
        members = {
            name: member if member.__class__ in _SCALARS else _plain(member)
            for name, member in value.items()
            if member is not None and not name.startswith("$")
        }
        return {name: member for name, member in members.items() if member is not _GONE}
    if isinstance(value, list):
        items = (_plain(item) for item in value)
        dropped = [item for item in value if isinstance(item, dict) and set(item) == {DIRECTIVE}]
        return [item for item, source in zip(items, value, strict=True) if item is not _GONE and source not in dropped]
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
