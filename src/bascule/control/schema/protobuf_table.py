"""Makes `protobuf_fields.json.gz`, the field table of `protobuf.py`, from a table of Go types and proto field numbers.

Run as `python -m bascule.control.schema.protobuf_table <table.json>` when the Kubernetes version changes. The source
maps package -> message -> JSON field -> [number, Go type, flags]. Kept are stable versions and what they reach. The
result maps definition name -> number -> [JSON field, type code, flags]; `protobuf.py` explains the codes.
"""

from __future__ import annotations

import gzip
import pathlib
import re
import sys
from typing import Any

import orjson

OUTPUT = pathlib.Path(__file__).with_name("protobuf_fields.json.gz")

_STABLE = re.compile(r".*\.v\d+$")
_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_CORE = "k8s.io.api.core.v1"
_SCALARS = {
    "string": "s",
    "int32": "i",
    "int64": "i",
    "uint32": "u",
    "uint64": "u",
    "bool": "b",
    "[]byte": "B",
    "byte": "u",
    "float64": "d",
    "resource.Quantity": "q",
    "intstr.IntOrString": "I",
    "runtime.RawExtension": "R",
    "types.UID": "s",
    "types.NodeName": "s",
}
_SPECIAL = {
    f"{_META}.Time": "t",
    f"{_META}.MicroTime": "T",
    f"{_META}.Duration": "D",
    f"{_META}.FieldsV1": "R",
}
# Messages that stand for one of several JSON forms, or for bare JSON.
_UNIONS = {
    "JSON": "J",
    "JSONSchemaPropsOrArray": "U",
    "JSONSchemaPropsOrBool": "U",
    "JSONSchemaPropsOrStringArray": "U",
}

Source = dict[str, dict[str, Any]]
Table = dict[str, dict[str, list[str]]]


def definition(package: str, message: str) -> str:
    """The OpenAPI definition name of a message."""
    return f"io.k8s.{package.removeprefix('k8s.io.').replace('_', '-')}.{message}"


def code(source: Source, package: str, go_type: str) -> str:
    """The type code of a Go type as written in a package."""
    go_type = go_type.removeprefix("*")
    if go_type in _SCALARS:
        return _SCALARS[go_type]
    if go_type.startswith("[]"):
        return "[" + code(source, package, go_type[2:])
    if go_type.startswith("map["):
        return "{" + code(source, package, go_type.partition("]")[2])
    home, name = _home(source, package, go_type)
    special = _SPECIAL.get(f"{home}.{name}") or _UNIONS.get(name)
    if special is not None and name not in _UNIONS:
        return special
    if name in _UNIONS:
        return f"{special}{definition(home, name)}"
    found = source.get(home, {}).get(name)
    if isinstance(found, str):
        inner = code(source, home, found) if found != name else "s"
        # A named list is a message of its own: items in field 1.
        return f"L{inner[1:]}" if inner.startswith("[") and name in ("ExtraValue", "Verbs") else inner
    return f"m{definition(home, name)}" if found is not None else "s"


def _home(source: Source, package: str, go_type: str) -> tuple[str, str]:
    alias, _, name = go_type.rpartition(".")
    if not alias:
        return package, name
    if alias == "metav1":
        return _META, name
    if alias in ("corev1", "apiv1"):
        return _CORE, name
    if alias == "v1":
        candidates = (_CORE, _META, package)
        return next((home for home in candidates if name in source.get(home, {})), package), name
    group = alias.removesuffix("v1")
    return f"k8s.io.api.{group}.v1", name


def build(source: Source) -> Table:
    """The table of all stable messages."""
    table: Table = {}
    for package, messages in source.items():
        if not _STABLE.match(package) or "testapigroup" in package:
            continue
        for name, fields in messages.items():
            if isinstance(fields, dict):
                rows = {str(row[0]): row[1:] for row in _rows(source, package, fields)}
                table[definition(package, name)] = rows
    return table


def _rows(source: Source, package: str, fields: dict[str, Any]) -> list[list[Any]]:
    rows = []
    for name, row in fields.items():
        if name == "~inline":
            continue
        number, go_type, flags = row
        marks = ("p" if go_type.startswith("*") else "") + ("o" if "omitempty" in flags else "")
        if name.startswith("~") and "inline" in flags:
            marks += "n"
        rows.append([number, name.lstrip("~"), code(source, package, go_type), marks])
    return rows


def main(argv: list[str]) -> int:
    """Writes the table beside this file; the same input gives the same bytes."""
    if len(argv) != 2:
        print("usage: python -m bascule.control.schema.protobuf_table <table.json>", file=sys.stderr)
        return 2
    table = build(orjson.loads(pathlib.Path(argv[1]).read_bytes()))
    OUTPUT.write_bytes(gzip.compress(orjson.dumps(table, option=orjson.OPT_SORT_KEYS), mtime=0))
    print(f"{len(table)} messages, {OUTPUT.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
