"""Tokens by which a client goes on with a list: where a page ended, and in which revision."""

from __future__ import annotations

import base64
import re
from typing import Any, Final, NamedTuple

import orjson

from bascule.control.schema import json_problems
from bascule.vocabulary import errors, objects

_VERSION: Final = "meta.k8s.io/v1"
_FOREIGN: Final = re.compile("[^A-Za-z0-9_-]")
_MEMBERS: Final[dict[str, tuple[str, type]]] = {"v": ("string", str), "rv": ("int64", int), "start": ("string", str)}
_INT64: Final = range(-(1 << 63), 1 << 63)
_END: Final = "\x00"


class Continue(NamedTuple):
    """A page's end. `revision` -1: whatever is current, for those whose first revision has expired."""

    revision: int
    after: objects.Key

    def token(self) -> str:
        text = orjson.dumps({"v": _VERSION, "rv": self.revision, "start": f"{self.after.text()}{_END}"})
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def read(token: str, cluster: str, namespace: str) -> Continue:
    """The page to go on with; 400, in the words of upstream's reader, for what is no token."""
    told = _members(token)
    version, revision, start = told["v"], told["rv"], told["start"]
    if version != _VERSION:
        raise _invalid(f" server does not recognize this encoded version {version}")
    if revision == 0:
        raise _invalid(f" incorrect encoded start resourceVersion (version {_VERSION})")
    if not start:
        raise _invalid(f" encoded start key empty (version {_VERSION})")
    parts = start.removesuffix(_END).removeprefix("/").split("/")
    if ".." in parts or "." in parts or not parts[-1] or len(parts) not in (1, 3):
        raise _invalid(f" {start}")
    if len(parts) == 1:  # Of a name, in the place that is listed.
        return Continue(revision, objects.Key(cluster, namespace, *parts))
    return Continue(revision, objects.Key(*parts))


def _members(token: str) -> dict[str, Any]:
    """What is encoded in a token, each member of its type."""
    foreign = _FOREIGN.search(token)
    if foreign or len(token) % 4 == 1:
        place = foreign.start() if foreign else len(token) - 1
        raise _invalid(f" illegal base64 data at input byte {place}")
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _invalid(f" {json_problems.of(error, data)}") from error
    if value is not None and value.__class__ is not dict:
        kind = json_problems.kind(value)
        raise _invalid(f" json: cannot unmarshal {kind} into Go value of type storage.continueToken")
    members: dict[str, Any] = value or {}
    for name, (kind, wanted) in _MEMBERS.items():
        given: Any = members.get(name)
        if given is None:
            members[name] = wanted()
        elif given.__class__ is not wanted or (isinstance(given, int) and given not in _INT64):
            shown = json_problems.kind(given)
            number = f" {orjson.dumps(given).decode()}" if shown == "number" and wanted is int else ""
            raise _invalid(
                f" json: cannot unmarshal {shown}{number} into Go struct field continueToken.{name} of type {kind}"
            )
    return members


def _invalid(problem: str) -> errors.StatusError:
    return errors.bad_request(f"invalid continue token: continue key is not valid:{problem}")
