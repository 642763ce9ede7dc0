"""Rules of a container's environment variables and where their values come from."""

from __future__ import annotations

from functools import lru_cache

from bascule.control.kinds import check, config_maps, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import field_references, paths
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NO_SOURCE = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_NAME = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_MORE = "may not have more than one field specified at a time"


@lru_cache(maxsize=4096)
def _bad_name(name: str) -> bool:
    """Any printable ASCII but `=` will do."""
    return not name or not all(" " <= c <= "~" and c != "=" for c in name)


def problems(path: str, variables: list[Object], volumes: dict[str, Object]) -> Causes:
    for index, variable in enumerate(variables):
        name = shape.text(variable, "name")
        if not name:
            yield errors.required(f"{path}[{index}].name", "")
        elif _bad_name(name):
            yield errors.invalid_value(f"{path}[{index}].name", name, _NAME)
        source = variable.get("valueFrom")
        if type(source) is dict:
            yield from _source(f"{path}[{index}].valueFrom", source, variable, volumes)


def _source(path: str, source: Object, variable: Object, volumes: dict[str, Object]) -> Causes:
    kinds = [kind for kind in _SOURCES if type(source.get(kind)) is dict]
    for kind in kinds:
        inner, at = source[kind], f"{path}.{kind}"
        if kind == "fieldRef":
            yield from field_references.field_problems(at, inner, field_references.IN_VARIABLES)
        elif kind == "resourceFieldRef":
            yield from field_references.resource_problems(at, inner, volume=False)
        elif kind == "fileKeyRef":
            yield from _file(at, inner, volumes)
        else:
            name, key = shape.text(inner, "name"), shape.text(inner, "key")
            yield from check.subdomain(f"{at}.name", name)
            if not key:
                yield errors.required(f"{at}.key", "")
            for problem in config_maps.key_problems(key) if key else ():
                yield errors.invalid_value(f"{at}.key", key, problem)
    if not kinds:
        yield errors.invalid_value(path, "", _NO_SOURCE)
    elif variable.get("value"):
        yield errors.invalid_value(path, "", "may not be specified when `value` is not empty")
    elif len(kinds) > 1:
        yield errors.invalid_value(path, "", _MORE)


def _file(path: str, reference: Object, volumes: dict[str, Object]) -> Causes:
    """A variable from a file that an init container wrote into a volume of the pod."""
    name, target, key = (shape.text(reference, field) for field in ("volumeName", "path", "key"))
    if not name:
        yield errors.required(f"{path}.volumeName", "")
    else:
        yield from check.label(f"{path}.volumeName", name)
        if name not in volumes:
            yield errors.value_not_found(f"{path}.volumeName", name)
        elif type(volumes[name].get("emptyDir")) is not dict:
            yield errors.invalid_value(f"{path}.volumeName", name, "referenced volume must be of type emptyDir")
    if not target:
        yield errors.required(f"{path}.path", "")
    else:
        yield from paths.unreserved(f"{path}.path", target)
    if not key:
        yield errors.required(f"{path}.key", "")
    elif _bad_name(key):
        yield errors.invalid_value(f"{path}.key", key, _NAME)


def from_problems(path: str, sources: list[Object]) -> Causes:
    """Rules of `envFrom`: whole objects as variables."""
    for index, source in enumerate(sources):
        at = f"{path}[{index}]"
        prefix = shape.text(source, "prefix")
        if prefix and _bad_name(prefix):
            yield errors.invalid_value(f"{at}.prefix", prefix, _NAME)
        kinds = [kind for kind in ("configMapRef", "secretRef") if type(source.get(kind)) is dict]
        for kind in kinds:
            name = shape.text(source[kind], "name")
            if not name:
                yield errors.required(f"{at}.{kind}.name", "")
            else:
                yield from check.subdomain(f"{at}.{kind}.name", name)
        if not kinds:
            yield errors.invalid_value(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(kinds) > 1:
            yield errors.invalid_value(path, "", _MORE)
