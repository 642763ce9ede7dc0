"""Patterns cost what their programs do, not what they look like."""

from bascule.control.cel import program, types
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT

NAMES = ENVIRONMENT.with_variables({"text": types.STRING, "pattern": types.STRING})


def _run(pattern: str, length: int) -> program.Outcome:
    return program.compile("text.matches(pattern)", NAMES).run({"text": "x" * length, "pattern": pattern})


def test_small_patterns_cost_what_they_cost_upstream() -> None:
    assert _run("^[a-z]+$", 100).cost == _run("^[a-z]*$", 100).cost == 24


def test_large_programs_are_dear_and_end_at_the_budget() -> None:
    assert _run("(x{0,900}){0,1}y", 10_000).cost > 8 * _run("^[a-z0-9]*[a-z]$", 10_000).cost
    assert str(_run("[a-z]{1000}" * 15, 1_000_000).error).startswith("operation cancelled")
    assert _run("[a-z]{1000}" * 100, 10).cost > 10_000
