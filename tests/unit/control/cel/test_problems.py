"""What does not compile is explained where it stands, in upstream's words."""

from __future__ import annotations

import pytest

from bascule.control.cel import program, types
from bascule.control.cel.errors import CompileError
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT

OBJECT = types.object_type("selfType", {"name": types.STRING})
ENV = ENVIRONMENT.with_variables({"self": OBJECT, "i": types.INT, "s": types.STRING})

MESSAGES = {
    "i < x": "1:5: undeclared reference to 'x' (in container '')",
    "foo()": "1:4: undeclared reference to 'foo' (in container '')",
    "s.foo()": "1:6: undeclared reference to 'foo' (in container '')",
    "self.nam": "1:5: undefined field 'nam'",
    "has(self.nam)": "1:4: undefined field 'nam'",
    "i.name": "1:2: type 'int' does not support field selection",
    "i == s": "1:3: found no matching overload for '_==_' applied to '(int, string)'",
    "self == {'a': 1}": "1:6: found no matching overload for '_==_' applied to '(selfType, map(string, int))'",
    "s.startsWith(1)": "1:13: found no matching overload for 'startsWith' applied to 'string.(int)'",
    "[1, 'a']": "1:5: expected type 'int' but found 'string'",
    "{'a': 1, 'b': 'c'}": "1:15: expected type 'int' but found 'string'",
    "i.all(x, true)": (
        "1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"
    ),
    "[1].all(1, true)": "1:9: argument must be a simple name",
    "[1].map(1, true)": "1:9: argument is not an identifier",
    "has(i)": "1:5: invalid argument to has() macro",
    "duration('1x')": "1:10: invalid duration argument",
    "timestamp('noon')": "1:11: invalid timestamp argument",
    "s.matches('(')": "1:11: invalid matches argument",
    "while": "1:1: reserved identifier: while",
    "9223372036854775808": "1:1: invalid int literal",
    "a b": "1:3: Syntax error: extraneous input 'b' expecting <EOF>",
    "a b c": "1:3: Syntax error: mismatched input 'b' expecting <EOF>",
    "(1": "1:3: Syntax error: missing ')' at '<EOF>'",
    "[1": "1:3: Syntax error: mismatched input '<EOF>' expecting {']', ','}",
    "1 ? 2": "1:6: Syntax error: mismatched input '<EOF>' expecting ':'",
    "a.": "1:3: Syntax error: no viable alternative at input '.'",
    "a @ b": "1:3: Syntax error: token recognition error at: '@'",
    "T{a: 1}": "1:2: unsupported syntax: messages cannot be made in expressions",
}


def problem(expression: str) -> str:
    with pytest.raises(CompileError) as caught:
        program.compile(expression, ENV)
    return str(caught.value)


@pytest.mark.parametrize(("expression", "message"), MESSAGES.items())
def test_message(expression: str, message: str) -> None:
    assert problem(expression).startswith(f"ERROR: <input>:{message}\n | {expression}\n | ")


def test_the_caret_is_below_the_place() -> None:
    assert problem("i < x") == "ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | i < x\n | ....^"
    assert problem("i > 0 &&\n  y").endswith("2:3: undeclared reference to 'y' (in container '')\n |   y\n | ..^")
    assert problem("'é' == y").endswith("\n | 'é' == y\n | .．.....^")


def test_every_problem_is_told() -> None:
    assert problem("x + y").count("ERROR: <input>:") == 2


def test_what_nests_too_deeply_does_not_compile() -> None:
    assert "recursion limit exceeded" in problem("(" * 60 + "1" + ")" * 60)
    assert "recursion limit exceeded" in problem("+".join(["1"] * 400))
    assert "recursion limit exceeded" in problem("-" * 3 + "(" * 5000)
    assert program.compile(" && ".join(["i > 0"] * 2000), ENV).evaluate({"i": 1}) is True


def test_deep_trees_compile_wherever_the_caller_stands() -> None:
    def deeper(levels: int) -> str:
        if levels:
            return deeper(levels - 1)
        try:
            program.compile("+".join(["1"] * 240), ENV)
        except CompileError as error:
            return str(error)
        return "recursion limit"

    assert "recursion limit" in deeper(0)
    assert "recursion limit exceeded" in deeper(600)


def test_what_is_too_long_does_not_compile() -> None:
    assert "code point size exceeds limit" in problem("1" * 100_001)
