"""The door to the rules of schemas."""

from __future__ import annotations

import importlib
from typing import Any

from bascule.control.custom import structural
from bascule.vocabulary import errors


def _module() -> Any:
    try:
        return importlib.import_module("bascule.control.custom.rules")
    except ModuleNotFoundError:
        return None


def compile(node: structural.Node) -> Any:
    module = _module()
    return None if module is None else module.compile(node)


def problems(node: structural.Node, path: str) -> list[errors.Cause]:
    module = _module()
    return [] if module is None else list(module.rule_problems(node, path))
