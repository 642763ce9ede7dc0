"""Asking whether somebody may: `authorizer.group('apps').resource('deployments').check('create').allowed()`.

Only declared here. The values are their host's, which knows who asks; each function is a method of the same name.
"""

from __future__ import annotations

import operator

from bascule.control.cel.declarations import Library

_PREFIX = "kubernetes.authorization"
AUTHORIZER, PATH, GROUP = f"{_PREFIX}.Authorizer", f"{_PREFIX}.PathCheck", f"{_PREFIX}.GroupCheck"
RESOURCE, DECISION = f"{_PREFIX}.ResourceCheck", f"{_PREFIX}.Decision"
NAMES = (AUTHORIZER, PATH, GROUP, RESOURCE, DECISION)
_CHECK_COST = 350_000

LIBRARY = Library()


def _method(name: str, signature: str, cost: int = 1) -> None:
    LIBRARY.add(name, signature, lambda value, *given: operator.methodcaller(name, *given)(value), cost=cost)


_method("path", f"{AUTHORIZER} . string -> {PATH}")
_method("group", f"{AUTHORIZER} . string -> {GROUP}")
_method("serviceAccount", f"{AUTHORIZER} . string, string -> {AUTHORIZER}")
_method("resource", f"{GROUP} . string -> {RESOURCE}")
for _name in ("subresource", "namespace", "name", "fieldSelector", "labelSelector"):
    _method(_name, f"{RESOURCE} . string -> {RESOURCE}")
for _kind in (PATH, RESOURCE):
    _method("check", f"{_kind} . string -> {DECISION}", _CHECK_COST)
_method("allowed", f"{DECISION} . -> bool")
_method("reason", f"{DECISION} . -> string")
_method("errored", f"{DECISION} . -> bool")
_method("error", f"{DECISION} . -> string")
