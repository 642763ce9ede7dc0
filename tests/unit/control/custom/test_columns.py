"""What a table of custom resources shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control.custom import columns, json_path

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OBJ: dict[str, Any] = {
    "metadata": {
        "name": "n",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.io/name": "web", "plain": "x"},
        "annotations": {"a.b": "dotted"},
    },
    "spec": {"replicas": 3, "ratio": 1.5, "on": True, "list": ["a", "b", "c"], "map": {"b": 1, "a": [1]}, "none": None},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "level": 5},
            {"type": "Synced", "status": "False", "level": 7},
        ]
    },
}

PATHS: list[tuple[str, list[Any]]] = [
    (".spec.replicas", [3]),
    (".spec.missing", []),
    (".spec.missing.deeper", []),
    (".metadata.labels.plain", ["x"]),
    (".metadata.labels['app.io/name']", ["web"]),
    (r".metadata.labels.app\.io/name", ["web"]),
    (r".metadata.annotations.a\.b", ["dotted"]),
    (".spec.list[0]", ["a"]),
    (".spec.list[-1]", ["c"]),
    (".spec.list[1:]", ["b", "c"]),
    (".spec.list[0:3:2]", ["a", "c"]),
    (".spec.list[0,2]", ["a", "c"]),
    (".spec.list[7]", []),
    (".spec.list[*]", ["a", "b", "c"]),
    (".spec.list.*", ["a", "b", "c"]),
    (".spec['replicas','on']", [3, True]),
    ("..level", [5, 7]),
    ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
    (".status.conditions[?(@.type=='Synced')].status", ["False"]),
    (".status.conditions[?(@.level > 5)].type", ["Synced"]),
    (".status.conditions[?(@.level)].type", ["Ready", "Synced"]),
    (".status.conditions[?(@.level!=5)].type", ["Synced"]),
    (".status.conditions[?(@.type<5)].type", []),
]


@pytest.mark.parametrize(("path", "found"), PATHS)
def test_path(path: str, found: list[Any]) -> None:
    assert json_path.parse(path)(OBJ) == found


@pytest.mark.parametrize("path", [".a[", ".a[b]", ".a{", ".a[?(@.x==)]", ".a[?(@.x=~1)]", ".a[::-1]", ".a[']", ".a b"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError):
        json_path.parse(path)


def test_looking_everywhere_ends() -> None:
    wide = {"a": {str(i): {str(j): 1 for j in range(40)} for i in range(40)}}
    assert len(json_path.parse("..*..*..*")(wide)) <= json_path.VISITS_MAX


def cell(kind: str, path: str) -> Any:
    version = {"additionalPrinterColumns": [{"name": "X", "type": kind, "jsonPath": path}]}
    made, cells = columns.columns(version, lambda text, now: f"since {text}")
    assert [column.name for column in made] == ["X"]
    return cells(OBJ, NOW)[0]


CELLS = [
    ("string", ".spec.replicas", "3"),
    ("string", ".spec.ratio", "1.5"),
    ("string", ".spec.on", "true"),
    ("string", ".spec.list", '["a","b","c"]'),
    ("string", ".spec.map", '{"a":[1],"b":1}'),
    ("string", ".spec.missing", None),
    ("string", ".spec.none", "<no value>"),
    ("integer", ".spec.replicas", 3),
    ("integer", ".spec.ratio", 1),
    ("integer", ".metadata.name", None),
    ("integer", ".spec.on", None),
    ("number", ".spec.ratio", 1.5),
    ("number", ".spec.replicas", 3.0),
    ("boolean", ".spec.on", True),
    ("boolean", ".spec.replicas", None),
    ("date", ".metadata.creationTimestamp", "since 2026-01-01T00:00:00Z"),
    ("date", ".metadata.name", "<invalid>"),
    ("date", ".spec.missing", None),
]


@pytest.mark.parametrize(("kind", "path", "shown"), CELLS)
def test_cell(kind: str, path: str, shown: Any) -> None:
    assert cell(kind, path) == shown


def test_without_columns_there_is_the_age() -> None:
    made, cells = columns.columns({}, lambda text, now: "1d")
    assert [(column.name, column.type) for column in made] == [("Age", "date")]
    assert cells(OBJ, NOW) == ["1d"]


def test_columns_describe_themselves() -> None:
    declared = {"name": "R", "type": "integer", "jsonPath": ".spec.r", "format": "int32", "priority": 1}
    made, _ = columns.columns({"additionalPrinterColumns": [declared]}, lambda text, now: "")
    assert made == (
        columns.Column("R", "integer", "int32", 1, "Custom resource definition column (in JSONPath format): .spec.r"),
    )


def test_a_path_that_cannot_be_read_prints_nothing() -> None:
    made, cells = columns.columns({"additionalPrinterColumns": [{"name": "X", "jsonPath": ".a["}]}, lambda t, n: "")
    assert (made, cells(OBJ, NOW)) == ((), [])
