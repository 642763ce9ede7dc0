"""Which parameters of lists and of watches may be said together: 422 with every cause, as upstream validates them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bascule.control.api import options
from bascule.vocabulary import errors

_MATCH: Final = "resourceVersionMatch"
_INITIAL: Final = "sendInitialEvents"
_NO_OLDER: Final = "NotOlderThan"
_WITH_CONTINUE: Final = f"{_MATCH} is forbidden when continue is provided"


def check_list(parameters: options.Parameters) -> None:
    """Of a list, and of what deletes one."""
    if _MATCH in parameters or _INITIAL in parameters:
        _raise(_of_list(parameters))


def check_watch(parameters: options.Parameters) -> bool | None:
    """Whether a watch begins with what is there and says where that ends; None where nothing was said about it.

    One that asks for no version, or for any, does so without being told.
    """
    asks_for_any = parameters.get("resourceVersion", "") in ("", "0")
    if _INITIAL not in parameters and not parameters.get(_MATCH) and asks_for_any:
        parameters = parameters.having({_INITIAL: "true", _MATCH: _NO_OLDER})
    if _MATCH in parameters or _INITIAL in parameters:
        _raise(_of_watch(parameters))
    return parameters.flag(_INITIAL) if _INITIAL in parameters else None


def _of_list(parameters: options.Parameters) -> Iterator[errors.Cause]:
    match, version = parameters.get(_MATCH, ""), parameters.get("resourceVersion", "")
    if match:
        if not version:
            yield errors.forbidden_field(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
        if parameters.get("continue"):
            yield errors.forbidden_field(_MATCH, _WITH_CONTINUE)
        if match not in ("Exact", _NO_OLDER):
            yield errors.not_supported(_MATCH, match, ["Exact", _NO_OLDER, ""], in_order=True)
        if match == "Exact" and version == "0":
            yield errors.forbidden_field(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if _INITIAL in parameters:
        yield errors.forbidden_field(_INITIAL, f"{_INITIAL} is forbidden for list")


def _of_watch(parameters: options.Parameters) -> Iterator[errors.Cause]:
    match = parameters.get(_MATCH, "")
    if _INITIAL in parameters and match != _NO_OLDER:
        yield errors.forbidden_field(_MATCH, f"{_INITIAL} requires setting {_MATCH} to {_NO_OLDER}")
    if not match:
        return
    if _INITIAL not in parameters:
        yield errors.forbidden_field(_MATCH, f"{_MATCH} is forbidden for watch unless {_INITIAL} is provided")
    if match != _NO_OLDER:
        yield errors.not_supported(_MATCH, match, [_NO_OLDER])
    if parameters.get("continue"):
        yield errors.forbidden_field(_MATCH, _WITH_CONTINUE)


def _raise(found: Iterator[errors.Cause]) -> None:
    causes = list(found)
    if causes:
        raise errors.invalid("ListOptions", "meta.k8s.io", "", causes)
