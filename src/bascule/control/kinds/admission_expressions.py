"""What admission's expressions may speak of, and whether they compile: match conditions, policies' validations.

Compiled here only to be refused when they are wrong; whoever runs them compiles them again with the same environment.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from bascule.control.cel import program, types
from bascule.control.cel.declarations import Environment
from bascule.control.cel.errors import CompileError
from bascule.control.cel.libraries import authorizations
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors

_TEXTS: Final = types.list_of(types.STRING)
_LABELS: Final = types.map_of(types.STRING, types.STRING)
_KIND: Final = types.object_type(
    "kubernetes.GroupVersionKind", dict.fromkeys(("group", "version", "kind"), types.STRING)
)
_RESOURCE: Final = types.object_type(
    "kubernetes.GroupVersionResource", dict.fromkeys(("group", "version", "resource"), types.STRING)
)
_USER: Final = types.object_type(
    "kubernetes.UserInfo",
    {"username": types.STRING, "uid": types.STRING, "groups": _TEXTS, "extra": types.map_of(types.STRING, _TEXTS)},
)
REQUEST: Final = types.object_type(
    "kubernetes.AdmissionRequest",
    {
        "kind": _KIND,
        "resource": _RESOURCE,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        **dict.fromkeys(("subResource", "requestSubResource", "name", "namespace", "operation"), types.STRING),
        "userInfo": _USER,
        "dryRun": types.BOOL,
        "options": types.DYN,
    },
)
_METADATA: Final = types.object_type(
    "kubernetes.NamespaceMetadata",
    {
        **dict.fromkeys(("name", "generateName", "namespace", "UID", "resourceVersion"), types.STRING),
        **dict.fromkeys(("labels", "annotations"), _LABELS),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), types.TIMESTAMP),
        **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), types.INT),
        "finalizers": _TEXTS,
    },
)
NAMESPACE: Final = types.object_type(
    "kubernetes.Namespace",
    {
        "metadata": _METADATA,
        "spec": types.object_type("kubernetes.NamespaceSpec", {"finalizers": _TEXTS}),
        "status": types.object_type("kubernetes.NamespaceStatus", {"phase": types.STRING}),
    },
)


@functools.cache
def environment(*, params: bool, authorizer: bool) -> Environment:
    """The variables of an expression; `params` and `authorizer` are not everywhere."""
    variables = {"object": types.DYN, "oldObject": types.DYN, "request": REQUEST, "namespaceObject": NAMESPACE}
    if params:
        variables["params"] = types.DYN
    if authorizer:
        variables["authorizer"] = types.opaque(authorizations.AUTHORIZER)
        variables["authorizer.requestResource"] = types.opaque(authorizations.RESOURCE)
    named = {name: types.opaque(name) for name in authorizations.NAMES}
    return ENVIRONMENT.with_libraries([authorizations.LIBRARY], named).with_variables(variables)


def with_composed(given: Environment, composed: Mapping[str, types.Type]) -> Environment:
    """With the `variables` that a policy has named, of the types they came to."""
    return given.with_variables({"variables": types.object_type("kubernetes.variables", dict(composed))})


def problems(path: str, text: str, given: Environment, *results: types.Type) -> Causes:
    """Why it does not compile, or to none of these types where any are named."""
    try:
        found = program.compile(text, given)
    except CompileError as error:
        yield errors.invalid_value(path, text, f"compilation failed: {error}")
        return
    if results and found.result not in (*results, types.DYN):
        wanted = str(results[0]) if len(results) == 1 else f"one of [{' '.join(map(str, results))}]"
        yield errors.invalid_value(path, text, f"must evaluate to {wanted}")


def result(text: str, given: Environment) -> types.Type:
    """The type of what it comes to, anything where it does not compile."""
    try:
        return program.compile(text, given).result
    except CompileError:
        return types.DYN
