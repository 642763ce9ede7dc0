"""YAML documents into JSON values, safely: no tags that make objects, no alias bombs, no bottomless nesting.

The C parser recurses while it builds, so depth is bounded first, on its events, which it emits without recursion.
Scalars read as Kubernetes reads them: timestamps and base-60 numbers stay text, keys become text.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from bascule.vocabulary import objects

EXPANDED_NODES_MAX = 500_000
_INT64 = 1 << 63
_ALIAS = re.compile(r"\*([A-Za-z0-9_-]*)")

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """A document that is no YAML, or none that the API takes."""


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader without implicit timestamps and base-60 numbers, and with text for keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
        """As the safe loader does, but `1` and `true` stay apart, which are one key to Python."""
        self.flatten_mapping(node)
        return {
            _key(self.construct_object(key, deep=True)): self.construct_object(value, deep=deep)
            for key, value in node.value
        }


_KEPT = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "int", "float")]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.yaml_implicit_resolvers = _KEPT
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(?i:inf)|\.(?i:nan))$"),
    list("-+0123456789."),
)


def _construct_int(loader: Any, node: Any) -> Any:
    text = loader.construct_scalar(node).replace("_", "")
    if len(text) > 64:
        raise YamlError("a number has more than 64 digits")
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if digits.startswith("0") and digits[1:2].isdigit():
        digits = "0o" + digits[1:]
    value = sign * int(digits, 0)
    return value if -_INT64 <= value < 2 * _INT64 else float(value)


def _construct_float(loader: Any, node: Any) -> Any:
    text = loader.construct_scalar(node)
    value = float(text) if text[-1] not in "fFnN" else math.inf
    if math.isinf(value):
        raise YamlError(f"{text} is no number that JSON can carry")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def load(body: bytes, *, depth_max: int) -> Any:
    """The JSON value of a document. Raises YamlError."""
    try:
        aliases = b"&" in body and b"*" in body if _is_shallow(body, depth_max) else _bound_depth(body, depth_max)
        loader = _Loader(body)
        try:
            value = _first(loader)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, OverflowError, TypeError) as error:
        raise YamlError(_told(error, body)) from error
    if aliases:
        _expanded_nodes(value, {}, depth_max)
    plain = _plain(value)
    return objects.deep_copy(plain) if aliases else plain


def _first(loader: Any) -> Any:
    """The one document; what follows it has to be empty, as where a file ends with `---`."""
    value = loader.get_data() if loader.check_data() else None
    while loader.check_node():
        node = loader.get_node()
        if node.tag != "tag:yaml.org,2002:null":
            raise YamlError("expected a single document in the stream, but found another document")
    return value


def _told(error: Exception, body: bytes) -> str:
    """`line 2: did not find expected key`, as upstream's reader has it.

    It counts lines from 0, but for what is wrong below them, within words; and tells of no first line.
    """
    if isinstance(error, yaml.reader.ReaderError):
        return str(error.reason)
    if not isinstance(error, yaml.MarkedYAMLError) or not error.problem:
        return str(error).replace("\n", " ")
    if isinstance(error, yaml.composer.ComposerError) and error.problem_mark and "undefined alias" in error.problem:
        lines = body.decode(errors="replace").splitlines()[error.problem_mark.line :]
        name = _ALIAS.match(lines[0], error.problem_mark.column) if lines else None
        return f"unknown anchor '{name[1] if name else ''}' referenced"
    line = 0
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark is not None:
        line = error.context_mark.line
    return f"line {line}: {error.problem}" if line else str(error.problem)


def repeated_keys(body: bytes, depth_max: int) -> list[str]:
    """`line 11: key "foo" already set in map` for each key of a mapping that occurs again."""
    try:
        _bound_depth(body, depth_max)
        root = yaml.compose(body, Loader=_Loader)
    except (yaml.YAMLError, YamlError):
        return []
    found: list[tuple[int, str]] = []
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if key.value in keys:
                    found.append((key.start_mark.line + 1, str(key.value)))
                keys.add(str(key.value))
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return [f'line {line}: key "{key}" already set in map' for line, key in sorted(found)]


_INDENTATION = re.compile(rb"^[ \-?:\t]+", re.MULTILINE)


def _is_shallow(body: bytes, depth_max: int) -> bool:
    """A cheap answer for ordinary documents: block collections nest no deeper than they are indented, twice."""
    flows = body.count(b"[") + body.count(b"{")
    indentation = max(map(len, _INDENTATION.findall(body)), default=0)
    return body.isascii() and flows + 2 * indentation + 2 <= depth_max


def _bound_depth(body: bytes, depth_max: int) -> int:
    """Refuses deep documents before anything recurses; returns how many aliases there are."""
    depth = aliases = 0
    for event in yaml.parse(body, Loader=_Base):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > depth_max:
                raise YamlError(f"the document is nested deeper than {depth_max} levels; flatten it")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
    return aliases


def _expanded_nodes(value: Any, sizes: dict[int, int], depth_left: int) -> int:
    """How many values the document has once aliases are expanded; refuses bombs and cycles."""
    if not isinstance(value, (dict, list)):
        return 1
    known = sizes.get(id(value))
    if known is not None:
        if known == 0:
            raise YamlError("an alias contains itself")
        return known
    if depth_left == 0:
        raise YamlError("the document is nested too deeply")
    sizes[id(value)] = 0
    children = value.values() if isinstance(value, dict) else value
    size = 1 + sum(_expanded_nodes(child, sizes, depth_left - 1) for child in children)
    if size > EXPANDED_NODES_MAX:
        raise YamlError("document contains excessive aliasing")
    sizes[id(value)] = size
    return size


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise YamlError(f"a value of type {type(value).__name__} has no place in JSON")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (int, float)):
        return str(key)
    raise YamlError(f"a key of type {type(key).__name__} has no place in JSON")
