"""A type's schema as a navigable tree: what fields exist, how lists merge, what scalars are.

One node stands for one type as it is used at one place (merge directives belong to the place, fields to the type), so
nodes of recursive types refer back to shared field tables. Built from OpenAPI of the built-ins or of a custom resource.
The tree never validates anything itself; `compiled` lets other modules keep what they derive from a node beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Shape = Literal[
    "struct", "map", "list", "string", "integer", "number", "boolean", "quantity", "int-or-string", "time", "any"
]

POD_SPEC = "io.k8s.api.core.v1.PodSpec"
"""The definition of which many values are alike: the pods of one workload have one spec."""
_SCALARS = frozenset({"string", "integer", "number", "boolean", "quantity", "int-or-string", "time"})


class TypeSchema:
    """One type at one place. `fields` is filled for structs, `additional` for maps, `items` for lists."""

    __slots__ = (
        "additional",
        "compiled",
        "default",
        "definition",
        "fields",
        "format",
        "is_atomic",
        "is_scalar",
        "items",
        "list_type",
        "map_keys",
        "map_type",
        "nullable",
        "patch_merge_key",
        "patch_strategy",
        "required",
        "shape",
    )

    def __init__(self, shape: Shape) -> None:
        self.shape: Shape = shape
        self.definition: str = ""
        self.format: str = ""
        self.fields: dict[str, TypeSchema] = {}
        self.items: TypeSchema | None = None
        self.additional: TypeSchema | None = None
        self.required: tuple[str, ...] = ()
        self.list_type: str = "atomic"
        self.map_keys: tuple[str, ...] = ()
        self.map_type: str = "granular"
        self.patch_strategy: tuple[str, ...] = ()
        self.patch_merge_key: str = ""
        self.default: Any = None
        self.nullable = False
        """Whether a null is a value, as the schema of a custom resource can say."""
        self.compiled: dict[str, Any] = {}
        self.is_scalar = shape in _SCALARS
        """Whether values are leaves by nature."""
        self.is_atomic = True
        """Whether one manager owns the whole value: scalars, atomic lists and maps, untyped values."""
        self._settle()

    def field(self, name: str) -> TypeSchema | None:
        """The schema of a member: a declared field, a map's values, anything below an untyped value."""
        found = self.fields.get(name)
        if found is not None:
            return found
        if self.shape == "any":
            return self
        return self.additional

    @property
    def keeps_null(self) -> bool:
        """Whether a null may mean something here."""
        return self.nullable or self.shape == "any"

    def is_leaf(self, value: Any) -> bool:
        """Whether one manager owns this value whole: atomic types, and lists where nobody says how they are keyed."""
        return self.is_atomic or (value.__class__ is list and self.shape != "list")

    def placed(self, directives: Mapping[str, Any]) -> TypeSchema:
        """This type with the merge directives of one place; itself if there are none."""
        relevant = [key for key in directives if key.startswith("x-kubernetes-")]
        if not relevant:
            return self
        node = TypeSchema(self.shape)
        for slot in ("definition", "format", "fields", "items", "additional", "required", "default", "nullable"):
            setattr(node, slot, getattr(self, slot))
        node.direct(self.directives() | {key: directives[key] for key in relevant})
        return node

    def direct(self, schema: Mapping[str, Any]) -> None:
        """Takes over the `x-kubernetes-*` merge directives of an OpenAPI schema."""
        self.list_type = schema.get("x-kubernetes-list-type") or "atomic"
        self.map_keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        self.map_type = schema.get("x-kubernetes-map-type") or "granular"
        strategy = schema.get("x-kubernetes-patch-strategy") or ""
        self.patch_strategy = tuple(part for part in strategy.split(",") if part)
        self.patch_merge_key = schema.get("x-kubernetes-patch-merge-key") or ""
        self._settle()

    def _settle(self) -> None:
        if self.shape == "list":
            self.is_atomic = self.list_type == "atomic"
        else:
            self.is_atomic = self.shape not in ("struct", "map") or self.map_type == "atomic"

    def directives(self) -> dict[str, Any]:
        """The inverse of `direct`."""
        return {
            "x-kubernetes-list-type": self.list_type,
            "x-kubernetes-list-map-keys": self.map_keys,
            "x-kubernetes-map-type": self.map_type,
            "x-kubernetes-patch-strategy": ",".join(self.patch_strategy),
            "x-kubernetes-patch-merge-key": self.patch_merge_key,
        }

    def __repr__(self) -> str:
        return f"<TypeSchema {self.shape} {self.definition}>"


ANYTHING = TypeSchema("any")
"""The schema of an untyped value, owned whole."""

DEDUCED = TypeSchema("any")
"""Of content that a custom resource keeps undescribed: objects are owned member by member, lists whole."""
DEDUCED.is_atomic = False
