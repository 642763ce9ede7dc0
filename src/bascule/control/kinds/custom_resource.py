"""How objects of one version of a custom resource behave: preparation and validation.

Validation is the schema's, then the rules'. An update validates alone (`update_validates_alone`): what did not change
is forgiven, which a check of the new object by itself could not know.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from bascule.control.custom import defaulting, effort, rules, showing, structural, validating
from bascule.control.kinds import generic, metadata, shape
from bascule.control.kinds.strategy import FORGIVEN, Context, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_INT32_MAX = (1 << 31) - 1
_PLAIN_FINALIZER = "name is neither a standard finalizer name nor is it fully qualified"


def make(node: structural.Node, version: Object) -> Strategy:
    """The strategy of a version; printing and selecting are added by whom calls."""
    subresources = shape.mapping(version, "subresources")
    has_status = type(subresources.get("status")) is dict
    checks = _Checks(node, shape.mapping(subresources, "scale"))
    return Strategy(
        default=lambda obj: _default(obj, node),
        prepare_create=functools.partial(_prepare_create, has_status=has_status),
        prepare_update=functools.partial(_prepare_update, has_status=has_status),
        prepare_status=_prepare_status,
        validate=functools.partial(checks.observe, checks.validate),
        validate_update=functools.partial(checks.observe, checks.validate_update),
        validate_status=functools.partial(checks.observe, checks.validate_status),
        selectable_fields=generic.name_fields,
        columns=(),
        cells=lambda obj, now: [],
        warnings=_warnings,
        update_warnings=_update_warnings,
        generation=True,
        status=has_status,
        unconditional_update=False,
        update_validates_alone=True,
        is_slow=checks.is_slow,
    )


def _default(obj: Object, node: structural.Node) -> None:
    defaulting.default(obj, node)


def _prepare_create(obj: Object, context: Context, *, has_status: bool) -> None:
    if has_status:
        obj.pop("status", None)
    shape.ensure(obj, "metadata")["generation"] = 1


def _prepare_update(new: Object, old: Object, context: Context, *, has_status: bool) -> None:
    """Any change but of the metadata makes a new generation."""
    if has_status:
        _take(new, old, "status")
    own = shape.ensure(new, "metadata")
    _take(own, shape.mapping(old, "metadata"), "generation")
    if _content(new) != _content(old):
        own["generation"] = shape.count(own, "generation") + 1


def _prepare_status(new: Object, old: Object, context: Context) -> None:
    """Everything but the status, and who owns which field, stays as it was."""
    status, has_status = new.get("status"), "status" in new
    managers = shape.mapping(new, "metadata").get("managedFields")
    new.clear()
    new.update(old)
    new["metadata"] = {**shape.mapping(old, "metadata")}
    if managers is not None:
        new["metadata"]["managedFields"] = managers
    if has_status:
        new["status"] = status
    else:
        new.pop("status", None)


def _content(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}


def _take(new: Object, old: Object, key: str) -> None:
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)


def _warnings(obj: Object) -> list[str]:
    found = []
    for name in shape.texts(shape.mapping(obj, "metadata"), "finalizers"):
        if "/" not in name and name not in ("orphan", "foregroundDeletion"):
            path = " including a path (/)" if "." in name else ""
            found.append(
                f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name{path} '
                "to avoid accidental conflicts with other finalizer writers"
            )
    return found


def _update_warnings(new: Object, old: Object) -> list[str]:
    """Of the finalizers that are new."""
    known = shape.texts(shape.mapping(old, "metadata"), "finalizers")
    added = [name for name in shape.texts(shape.mapping(new, "metadata"), "finalizers") if name not in known]
    return _warnings({"metadata": {"finalizers": added}})


def metadata_problems(obj: Object) -> list[errors.Cause]:
    """The rules of metadata, for objects whose finalizers may have plain names."""
    return [
        cause for cause in metadata.problems(obj, metadata.subdomain) if not cause.message.endswith(_PLAIN_FINALIZER)
    ]


def _embedded_metadata_problems(obj: Object) -> list[errors.Cause]:
    causes = metadata.problems(obj, metadata.path_segment)
    return [cause for cause in causes if not cause.message.endswith(_PLAIN_FINALIZER)]


class _Checks:
    """Everything that validates one version's objects, compiled when it is first needed."""

    def __init__(self, node: structural.Node, scale: Object) -> None:
        self._node = node
        self._scale = scale
        self._is_compiled = False
        self._is_slow = True

    def is_slow(self) -> bool:
        """Whether one should not wait for it: nothing is compiled yet, or it has turned out to take long."""
        return self._is_slow

    def observe(self, judge: Callable[..., list[errors.Cause]], *versions: Object) -> list[errors.Cause]:
        """What `judge` says of the object, and learns from how long it takes."""
        try:
            if not self._is_compiled:
                self._compile()
            return judge(*versions)
        except effort.TooLongError:
            self._is_slow = True
            raise

    def _compile(self) -> None:
        """Twice, if two threads come at once."""
        self._validator = validating.compile(self._node, _embedded_metadata_problems)
        status = self._node.properties.get("status")
        self._status_validator = validating.compile(status) if status is not None else None
        self._rules = rules.compile(self._node)
        self._is_compiled, self._is_slow = True, False

    def validate(self, obj: Object) -> list[errors.Cause]:
        causes = metadata_problems(obj) + self._validator.schema_problems(obj)
        causes += _scale_problems(obj, self._scale, spec=True)
        causes += self._validator.embedded_problems(obj) + self._validator.list_problems(obj)
        return causes + self._broken(obj, None, causes)

    def validate_update(self, new: Object, old: Object) -> list[errors.Cause]:
        causes = metadata_problems(new) + metadata.update_problems(new, old)
        causes += self._validator.schema_problems(new, old)
        causes += _scale_problems(new, self._scale, spec=True)
        causes += self._validator.embedded_problems(new) + self._validator.list_problems(new, old)
        return causes + self._broken(new, old, causes)

    def validate_status(self, new: Object, old: Object) -> list[errors.Cause]:
        causes = metadata_problems(new) + metadata.update_problems(new, old)
        if self._status_validator is not None and "status" in new:
            causes += self._status_validator.schema_problems(new["status"], old.get("status"), within="status")
        causes += _scale_problems(new, self._scale, spec=False)
        causes += self._validator.list_problems(new, old)
        return causes + self._broken(new, old, causes)

    def _broken(self, new: Object, old: Object | None, causes: list[errors.Cause]) -> list[errors.Cause]:
        """The rules' causes; they are not asked about an object of the wrong shape."""
        if self._rules is None:
            return []
        if validating.blocks_rules(causes):
            return [validating.UNCHECKED]
        forgiven: list[errors.Cause] = []
        broken = self._rules.problems(new, old, warnings=forgiven)
        return [*broken, *(cause._replace(type=FORGIVEN) for cause in forgiven)]


def _scale_problems(obj: Object, scale: Object, *, spec: bool) -> Iterator[errors.Cause]:
    """Where the scale subresource reads there must be numbers it can give."""
    if not scale:
        return
    for key in ("specReplicasPath", "statusReplicasPath") if spec else ("statusReplicasPath",):
        path = shape.text(scale, key)
        value = _find(obj, path)
        if value is None:
            continue
        if type(value) is not int:
            accessor = f"{path} accessor error: {showing.json(value)} is of the type {_go_type(value)}, expected int64"
            yield errors.invalid_value(path, 0, accessor)
        elif value < 0:
            yield errors.invalid_value(path, value, "should be a non-negative integer")
        elif value > _INT32_MAX:
            yield errors.invalid_value(path, value, f"should be less than or equal to {_INT32_MAX}")
    path = shape.text(scale, "labelSelectorPath")
    value = _find(obj, path) if path else None
    if value is not None and type(value) is not str:
        accessor = f"{path} accessor error: {showing.json(value)} is of the type {_go_type(value)}, expected string"
        yield errors.invalid_value(path, "", accessor)


def _find(obj: Any, path: str) -> Any:
    for part in path.removeprefix(".").split("."):
        obj = obj.get(part) if type(obj) is dict else None
    return obj


def _go_type(value: Any) -> str:
    names = {str: "string", bool: "bool", float: "float64", int: "int64", list: "[]interface {}"}
    return names.get(type(value), "map[string]interface {}")
