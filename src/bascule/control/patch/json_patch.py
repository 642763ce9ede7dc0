"""JSON patch (RFC 6902), all operations, with bounds against patches made to exhaust the server.

The document is never changed: containers along a patched path are copied once, everything else is shared.
A patch that cannot be applied is 422, one that is no patch at all 400, one of too many operations 413.

As in Kubernetes, and unlike in the RFC: `replace` of a member that an object lacks adds it, an absent member is null to
`test` and `copy`, an operation without value has the value null, and negative indices count from a list's end.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from bascule.vocabulary import errors, objects

OPERATIONS_MAX = 10_000
COPIED_BYTES_MAX = 3 * 1024 * 1024

_INDEX: Final = re.compile(r"[+-]?[0-9]{1,9}")
_REJECTED = "the server rejected our request due to an error in our request"


class Rejected(Exception):
    """An operation that cannot be carried out; the text says why."""


def apply(document: Any, operations: list[Any]) -> Any:
    """The document after all operations, in order. Raises StatusError (400, 413, 422)."""
    if not isinstance(operations, list):
        raise errors.bad_request("error decoding patch: a JSON patch is a list of operations")
    check_count(operations)
    patcher = _Patcher(document)
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise errors.bad_request(f"error decoding patch: operation {index} is no object")
        verb = operation.get("op")
        try:
            patcher.carry_out(operation, verb if isinstance(verb, str) else "unknown")
        except Rejected as rejection:
            message = f"{_REJECTED}: operation {index} ({verb}): {rejection}"
            raise errors.StatusError(422, "Invalid", message, {}) from rejection
    return patcher.document


def check_count(operations: list[Any]) -> None:
    """413 for more operations than one patch may have."""
    if len(operations) > OPERATIONS_MAX:
        raise errors.too_large(
            f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(operations)}"
        )


class _Patcher:
    """A document being patched. `_owned` holds the containers made here, which may be changed in place."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._owned: dict[int, Any] = {}
        self._copied_bytes = 0

    def carry_out(self, operation: dict[str, Any], verb: str) -> None:
        if verb not in ("add", "remove", "replace", "test", "move", "copy"):
            raise Rejected(f"unexpected kind: {verb}")
        path, value = _pointer(operation, "path"), operation.get("value")
        if verb == "add":
            self._add(path, value)
        elif verb == "remove":
            self._remove(path)
        elif verb == "replace":
            self._replace(path, value)
        elif verb == "test":
            if not _equal(self._get(path), value):
                raise Rejected(f"testing value {_shown(path)} failed")
        elif verb == "move":
            source = _pointer(operation, "from")
            if path[: len(source)] == source and len(path) > len(source):
                raise Rejected(f"{_shown(source)} cannot be moved into itself")
            value = self._get(source)
            self._remove(source)
            self._add(path, value)
        else:
            self._add(path, self._copy(self._get(_pointer(operation, "from"))))

    def _copy(self, value: Any) -> Any:
        self._copied_bytes += len(orjson.dumps(value))
        if self._copied_bytes > COPIED_BYTES_MAX:
            raise Rejected(
                f"the accumulated size increase of copy is {self._copied_bytes}, exceeding the limit {COPIED_BYTES_MAX}"
            )
        return objects.deep_copy(value)

    def _get(self, path: list[str]) -> Any:
        """The value there; null for a member that its object lacks."""
        value = self.document
        for depth, token in enumerate(path):
            if depth == len(path) - 1 and isinstance(value, dict):
                return value.get(token)
            value = _member(value, token, path[: depth + 1])
        return value

    def _own(self, container: Any) -> Any:
        if id(container) in self._owned:
            return container
        copy = dict(container) if isinstance(container, dict) else list(container)
        self._owned[id(copy)] = copy
        return copy

    def _parent(self, path: list[str]) -> Any:
        """The container of the path's last step, and all above it, made changeable."""
        _require_container(self.document, path[:0])
        parent = self.document = self._own(self.document)
        for depth, token in enumerate(path[:-1]):
            child = _member(parent, token, path[: depth + 1])
            _require_container(child, path[: depth + 1])
            child = self._own(child)
            parent[_index(token, parent, path) if isinstance(parent, list) else token] = child
            parent = child
        return parent

    def _add(self, path: list[str], value: Any) -> None:
        if not path:
            raise Rejected("nothing can be added to the document as a whole")
        parent, last = self._parent(path), path[-1]
        if isinstance(parent, dict):
            parent[last] = value
        elif last == "-":
            parent.append(value)
        else:
            parent.insert(_index(last, parent, path, more=1), value)

    def _remove(self, path: list[str]) -> None:
        if not path:
            raise Rejected("the whole document cannot be removed")
        parent, last = self._parent(path), path[-1]
        _member(parent, last, path)
        del parent[_index(last, parent, path) if isinstance(parent, list) else last]

    def _replace(self, path: list[str], value: Any) -> None:
        if not path:
            _require_container(value, path)
            self.document = value
            return
        parent, last = self._parent(path), path[-1]
        parent[_index(last, parent, path) if isinstance(parent, list) else last] = value


def _pointer(operation: dict[str, Any], name: str) -> list[str]:
    text = operation.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise Rejected(f'"{name}" must be a JSON pointer, got {text!r}')
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


def _member(container: Any, token: str, path: list[str]) -> Any:
    if isinstance(container, dict):
        if token not in container:
            raise Rejected(f"there is nothing at {_shown(path)}: missing value")
        return container[token]
    if isinstance(container, list):
        return container[_index(token, container, path)]
    raise Rejected(f"there is nothing at {_shown(path)}: its parent is neither an object nor a list")


def _require_container(value: Any, path: list[str]) -> None:
    if not isinstance(value, (dict, list)):
        raise Rejected(f"{_shown(path)} is neither an object nor a list")


def _index(token: str, items: list[Any], path: list[str], more: int = 0) -> int:
    """The place a token names, from the start; `more` places than there are items."""
    places = len(items) + more
    index = int(token) if _INDEX.fullmatch(token) else places
    if not -places <= index < places:
        raise Rejected(f"unable to access invalid index {token} of {_shown(path[:-1])}")
    return index if index >= 0 else index + places


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: unlike in Python, true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _shown(path: list[str]) -> str:
    return "/" + "/".join(path)
