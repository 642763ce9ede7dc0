"""What the language says expressions mean: each line is true, or comes to the error next to it."""

from __future__ import annotations

import pytest

from bascule.control.cel import program, types
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT
from bascule.control.cel.selection import Variables
from bascule.control.cel.values import Lazy

VARIABLES = {"d": types.DYN, "m": types.map_of(types.STRING, types.INT), "i": types.INT}
VALUES = {"d": {"a": {"b": [1, 2]}, "none": None, "half": 0.5}, "m": {"one": 1, "two": 2}, "i": 7}
ENV = ENVIRONMENT.with_variables(VARIABLES)

TRUE = r"""
1 + 2 * 3 == 7
-7 / 2 == -3
-7 % 3 == -1
7 % -3 == 1
0x1F == 31 && -0x10 == -16
9223372036854775807 > 0 && -9223372036854775808 < 0
18446744073709551615u > 0u
1u + 2u == 3u
.5 + 1.5 == 2.0
1e3 == 1000.0
1.0 / 0.0 > 1e308
!(0.0 / 0.0 == 0.0 / 0.0)
"a" + 'b' == 'ab'
'\x41\u00e9\101' == 'AéA'
r'\d' == '\\d'
'''it's''' == "it's"
b'\xff' == b'\377'
b'é' == b'\xc3\xa9'
'é'.size() == 1 && size(b'é') == 2
1 < 2.5 && 2u > 1 && 1.5 < 2u
dyn(1) == 1.0 && dyn(1u) == dyn(1)
dyn(true) != dyn(1)
dyn('1') != dyn(1)
[1, 2] == [1, 2] && [1] != [1, 2]
[dyn(1)] == [dyn(1.0)]
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
1 in [1, 2] && !(3 in [1, 2])
'a' in {'a': 1} && !('b' in {'a': 1})
dyn(1.0) in {1: 'x'} && !(dyn(true) in {1: 'x'})
{true: 1, false: 2}[true] == 1
[1, 2][1] == 2
m['one'] + m.two == 3
d.a.b[1] == 2
i == 7 ? true : false
true || 1 / 0 > 0
1 / 0 > 0 || true
!(1 / 0 > 0 && false)
!!true
--1 == 1
1 - -1 == 2
has(d.a) && !has(d.z) && has(d.a.b) && !has(m.three)
type(1) == int && type(1u) == uint && type(d.half) == double && type([]) == list && type(null) == null_type
type(type(1)) == type
[1, 2, 3].all(x, x > 0) && ![1, 2, 3].all(x, x > 1)
[1, 2, 3].exists(x, x == 2) && [].all(x, x > 1) && ![].exists(x, x > 1)
[1, 2, 3].exists_one(x, x > 2) && ![1, 2, 3].exists_one(x, x > 1)
[1, 2, 3].map(x, x * 2) == [2, 4, 6]
[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]
[1, 2, 3].filter(x, x > 1) == [2, 3]
{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])
{'a': 1}.map(k, k) == ['a']
[1, 2].map(x, [3, 4].map(y, x * y)) == [[3, 4], [6, 8]]
[0, 1].exists(x, 2 / x == 2)
![0, 1].all(x, 2 / x > 5)
[1, 2].all(i, i < 3) && i == 7
[4, 5].all(k, v, v == k + 4)
['x', 'y'].exists(k, v, k == 1 && v == 'y')
{'a': 1}.existsOne(k, v, k == 'a' && v == 1)
[1, 2, 3].transformList(k, v, k * v) == [0, 2, 6]
[1, 2, 3].transformList(k, v, k > 0, v) == [2, 3]
{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}
[5, 6].transformMap(k, v, v > 5, v) == {1: 6}
{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}
cel.bind(x, i + 1, x * x) == 64
cel.bind(x, 1 / 0, true || x == 1)
optional.of(1).hasValue() && !optional.none().hasValue()
optional.of(1).value() == 1 && optional.none().orValue(2) == 2
optional.none().or(optional.of(3)).value() == 3
d.?a.?b[?1].orValue(9) == 2 && d.?a.?b[?5].orValue(9) == 9 && d.?z.b.orValue(9) == 9
m[?'one'].hasValue() && !m[?'three'].hasValue()
[?optional.of(1), ?optional.none(), 3] == [1, 3]
{?'a': optional.none(), 'b': 2} == {'b': 2}
optional.of(1).optMap(x, x + 1).value() == 2
optional.of(1).optFlatMap(x, optional.of(x + 1)) == optional.of(2)
!optional.ofNonZeroValue('').hasValue() && optional.ofNonZeroValue('a').hasValue()
int('12') == 12 && int(1.9) == 1 && int(-1.9) == -1 && uint('5') == 5u && double('1.5') == 1.5
string(1) == '1' && string(1.5) == '1.5' && string(1000000.0) == '1e+06' && string(true) == 'true'
string(b'abc') == 'abc' && bytes('abc') == b'abc' && bool('true')
duration('1h30m').getMinutes() == 90 && duration('1.5s').getMilliseconds() == 1500
duration('1m') + duration('1s') == duration('61s') && duration('1s') < duration('1m')
string(duration('1h1.5s')) == '3601.5s'
timestamp('2020-01-01T01:00:00+01:00') == timestamp('2020-01-01T00:00:00Z')
timestamp('2020-01-05T23:30:15.123Z').getDate() == 5 && timestamp('2020-01-05T23:30:15Z').getDayOfMonth() == 4
timestamp('2020-01-05T23:30:15.123Z').getMonth() == 0 && timestamp('2020-01-05T23:30:15Z').getDayOfWeek() == 0
timestamp('2020-01-05T23:30:15.123Z').getHours('America/New_York') == 18
timestamp('2020-01-05T23:30:15.123Z').getMinutes('-02:45') == 45
timestamp('2020-01-01T00:00:00Z') - timestamp('2019-12-31T23:59:00Z') == duration('1m')
string(timestamp('2020-01-01T00:00:00.5Z')) == '2020-01-01T00:00:00.5Z'
type(duration('1s')) == google.protobuf.Duration
"""

ERRORS = {
    "9223372036854775807 + 1 > 0": "integer overflow",
    "-(-9223372036854775807 - 1) > 0": "integer overflow",
    "9223372036854775807 * 2 > 0": "integer overflow",
    "0u - 1u > 0u": "unsigned integer overflow",
    "1 / 0 == 1": "division by zero",
    "1 % 0 == 1": "modulus by zero",
    "m.three == 3": "no such key: three",
    "m['three'] == 3": "no such key: three",
    "[1][1] == 1": "index out of bounds: 1",
    "d.z == 1": "no such key: z",
    "has(d.z.y)": "no such key: z",
    "1 / 0 > 0 || false": "division by zero",
    "[0, 2].all(x, 2 / x == 1)": "division by zero",
    "dyn(1) + dyn('a') == 1": "no such overload",
    "dyn(1).startsWith('a')": "no such overload",
    "dyn(1) && true": "no such overload",
    "m.left == 1 || m.right == 1": "no such key: left",
    "int('x') == 1": "type conversion error from 'string' to 'int'",
    "int(1e30) == 1": "integer overflow",
    "optional.none().value() == 1": "optional.none() dereference",
    "timestamp('9999-12-31T23:59:59Z') + duration('1s') > timestamp('2020-01-01T00:00:00Z')": "timestamp overflow",
}


def run(expression: str) -> object:
    return program.compile(expression, ENV).evaluate(VALUES)


@pytest.mark.parametrize("expression", TRUE.strip().splitlines())
def test_true(expression: str) -> None:
    assert run(expression) is True


@pytest.mark.parametrize(("expression", "message"), ERRORS.items())
def test_error(expression: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        run(expression)
    assert str(caught.value) == message


def test_a_duplicate_key_of_a_made_map_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="insert failed: key x already exists"):
        run("[1, 2].transformMapEntry(k, v, {'x': v}) == {}")


def test_a_variable_without_a_value_is_an_error_when_read() -> None:
    compiled = program.compile("i > 0 || true", ENV)
    assert compiled.evaluate({}) is True
    with pytest.raises(EvaluationError, match="no such attribute"):
        program.compile("i > 0", ENV).evaluate({})


def test_variables_may_build_on_each_other() -> None:
    fields = {"one": types.INT, "two": types.INT}
    env = ENV.with_variables({"variables": types.object_type("kubernetes.variables", fields)})
    known = Variables({})
    for name, expression in {"one": "i + 1", "two": "variables.one * 2"}.items():
        compiled = program.compile(expression, env)
        known.values[name] = Lazy(lambda compiled=compiled: compiled.run({"i": 7, "variables": known})[:2])
    outcome = program.compile("variables.two == 16 && variables.two > variables.one", env).run({"variables": known})
    assert outcome.value is True
    assert outcome.cost == 8 + 3 + 2  # what is written here, and each variable once


def test_lazy_variables_are_computed_once_and_charged_to_the_reader() -> None:
    calls = []

    def compute() -> tuple[int, int]:
        calls.append(1)
        return 5, 100

    lazy = Lazy(compute)
    compiled = program.compile("i + i == 10", ENV)
    first, second = compiled.run({"i": lazy}), compiled.run({"i": lazy})
    assert (first.value, second.value, len(calls)) == (True, True, 1)
    assert first.cost == second.cost + 100


def test_unused_lazy_variables_are_never_computed() -> None:
    def compute() -> tuple[int, int]:
        raise AssertionError

    assert program.compile("true || i > 0", ENV).evaluate({"i": Lazy(compute)}) is True
