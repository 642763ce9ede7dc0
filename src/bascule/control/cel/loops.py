"""Loops of macros, as code. Costs are those of upstream's accumulating form, see `macros`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from bascule.control.cel import ast, errors, evaluation, selection
from bascule.control.cel.errors import FAILURES, BudgetExceededError, EvaluationError, no_such_overload
from bascule.control.cel.values import Lazy

if TYPE_CHECKING:
    from bascule.control.cel.evaluation import Code, Compiler, Frame

Body = Callable[["Frame"], Any]
_ABSENT = object()


def code(compiler: Compiler, node: ast.Comprehension) -> Code:
    if node.kind == "bind":
        return _bind(compiler, node)
    over = compiler.code(node.iter_range)
    first, second = compiler.place(), compiler.place()
    names = {node.iter_var: first} | ({node.iter_var2: second} if node.iter_var2 else {})
    compiler.plain.update((first, second))
    hidden = {name: compiler.names.get(name) for name in names}
    compiler.names.update(names)
    keep = compiler.code(node.filter) if node.filter is not None else None
    transform = compiler.code(node.transform) if node.transform is not None else None
    for name, place in hidden.items():
        if place is None:
            del compiler.names[name]
        else:
            compiler.names[name] = place
    pairs = _pairs(over.run, first, second) if node.iter_var2 else _single(over.run, first)
    if node.kind in ("all", "exists") and keep is not None:
        run, cost = _quantifier(pairs, keep, decisive=node.kind == "exists"), 1
    elif node.kind == "exists_one" and keep is not None:
        run, cost = _exists_one(pairs, keep), 2
    elif transform is not None and node.kind in ("transformMap", "transformMapEntry"):
        run, cost = (
            _maps(pairs, keep, transform, first, entry=node.kind == "transformMapEntry"),
            1,
        )
    elif transform is not None:
        run, cost = _lists(pairs, keep, transform), 1
    else:
        raise no_such_overload()
    return evaluation.Code(run, over.cost + cost)


def _bind(compiler: Compiler, node: ast.Comprehension) -> Code:
    """``cel.bind``: computed when first used, at most once."""
    value = compiler.code(node.init)
    place = compiler.place()
    hidden = compiler.names.get(node.accu_var)
    compiler.names[node.accu_var] = place
    result = compiler.code(node.result)
    if hidden is None:
        del compiler.names[node.accu_var]
    else:
        compiler.names[node.accu_var] = hidden
    value_run, result_run, value_cost = value.run, result.run, value.cost

    def run(frame: Frame) -> Any:
        def compute() -> tuple[Any, int]:
            return value_run(frame), value_cost

        frame[place] = Lazy(compute)
        return result_run(frame)

    return evaluation.Code(run, result.cost)


Pairs = Callable[["Frame"], Any]
"""Runs the loop: each step puts the variables in place."""


def _single(over: Body, place: int) -> Pairs:
    def steps(frame: Frame) -> Any:
        for item in selection.items(over(frame)):
            frame[place] = item
            yield None

    return steps


def _pairs(over: Body, first: int, second: int) -> Pairs:
    def steps(frame: Frame) -> Any:
        keys, values = selection.entries(over(frame))
        for key, value in zip(keys, values, strict=True):
            frame[first] = key
            frame[second] = value
            yield None

    return steps


def _quantifier(pairs: Pairs, keep: Code, *, decisive: bool) -> Body:
    """``all`` (decided by false) and ``exists`` (by true); an element that decides absorbs errors of others."""
    test, wanted = keep.run, cast(object, decisive)
    condition_cost = 3 if decisive else 2
    step_cost = condition_cost + 1 + keep.cost

    def run(frame: Frame) -> bool:
        failure: EvaluationError | None = None
        decided = False
        for _ in pairs(frame):
            if decided:
                frame[0] += condition_cost
                return decisive
            frame[0] += step_cost
            if frame[0] > frame[1]:
                raise BudgetExceededError
            try:
                value = test(frame)
                if value is wanted:
                    decided = True
                elif type(value) is not bool and failure is None:
                    failure = no_such_overload()
            except FAILURES as error:
                failure = failure or errors.failure(error)
        if failure is not None and not decided:
            raise failure
        return decisive if decided else not decisive

    return run


def _kept(frame: Frame, keep: Code) -> bool:
    value = keep.run(frame)
    if value is not True and value is not False:
        raise no_such_overload()
    return value is True


def _charge(frame: Frame, cost: int) -> None:
    frame[0] += cost
    if frame[0] > frame[1]:
        raise BudgetExceededError


def _exists_one(pairs: Pairs, keep: Code) -> Body:
    def run(frame: Frame) -> bool:
        count = 0
        for _ in pairs(frame):
            _charge(frame, keep.cost)
            held = _kept(frame, keep)
            frame[0] += 2 if held else 0
            count += held
        return count == 1

    return run


def _lists(pairs: Pairs, keep: Code | None, transform: Code) -> Body:
    make, grown_cost = transform.run, transform.cost + (0 if transform.constant else evaluation.LIST_COST) + 2
    skipped_cost = keep.cost if keep is not None else 0

    def run(frame: Frame) -> list[Any]:
        made: list[Any] = []
        for _ in pairs(frame):
            if keep is not None and not _kept(frame, keep):
                _charge(frame, skipped_cost)
                continue
            _charge(frame, grown_cost + (keep.cost if keep is not None else 0))
            made.append(make(frame))
        return made

    return run


def _maps(pairs: Pairs, keep: Code | None, transform: Code, key: int, *, entry: bool) -> Body:
    make = transform.run
    # The accumulator, the insertion, and the key when it is the variable.
    grown_cost = transform.cost + (2 if entry else 3)
    skipped_cost = keep.cost if keep is not None else 0

    def run(frame: Frame) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for _ in pairs(frame):
            if keep is not None and not _kept(frame, keep):
                _charge(frame, skipped_cost)
                continue
            _charge(frame, grown_cost + (keep.cost if keep is not None else 0))
            value = make(frame)
            if not entry:
                selection.insert(made, frame[key], value)
                continue
            if type(value) is not dict:
                raise no_such_overload()
            for new, item in value.items():
                selection.insert(made, new, item)
        return made

    return run
