"""The libraries beyond the language: each line is true."""

from __future__ import annotations

import pytest

from bascule.control.cel import program
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import BudgetExceededError, EvaluationError
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT

TRUE = r"""
'hello'.charAt(1) == 'e' && 'hello'.charAt(5) == ''
'hello'.indexOf('l') == 2 && 'hello'.indexOf('l', 3) == 3 && 'hello'.indexOf('z') == -1
'hello'.lastIndexOf('l') == 3 && 'hello'.lastIndexOf('l', 2) == 2 && 'hello'.lastIndexOf('') == 5
'HéL'.lowerAscii() == 'hél' && 'hél'.upperAscii() == 'HéL'
'hello'.replace('l', 'L') == 'heLLo' && 'hello'.replace('l', 'L', 1) == 'heLlo' && 'ab'.replace('', '-') == '-a-b-'
'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a,b'.split(',', 0) == []
'abc'.split('') == ['a', 'b', 'c'] && 'abc'.split('', 2) == ['a', 'bc']
['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b'
'hello'.substring(1, 3) == 'el' && 'hello'.substring(3) == 'lo'
'  a b\t\n'.trim() == 'a b'
'abc'.reverse() == 'cba'
strings.quote('a"b\n') == '"a\\"b\\n"'
'%s: %d, %.2f, %x, %b, %o, %%'.format([dyn('a'), 42, 1.5, 255, 5, 8]) == 'a: 42, 1.50, ff, 101, 10, %'
'%s'.format([[1, 2]]) == '[1, 2]' && '%s'.format([{'a': true}]) == '{"a":true}'
'hello'.matches('^h.*o$') && !'hello'.matches('^e') && matches('a1', '[0-9]')
'ab12cd3'.find('[0-9]+') == '12' && 'ab12cd3'.findAll('[0-9]+') == ['12', '3']
'ab12cd3'.findAll('[0-9]+', 1) == ['12'] && 'ab'.find('[0-9]') == ''
[1, 2, 2].isSorted() && ![2, 1].isSorted() && ['a', 'b'].isSorted()
[1, 2, 3].sum() == 6 && [1.5, 2.5].sum() == 4.0 && [duration('1s'), duration('1m')].sum() == duration('61s')
[3, 1, 2].min() == 1 && ['b', 'a'].max() == 'b'
[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1].indexOf(5) == -1
[3, 1, 2].sort() == [1, 2, 3] && [1, 2].reverse() == [2, 1] && [1, 2, 2].distinct() == [1, 2]
[[1], [2, 3]].flatten() == [1, 2, 3] && [1, 2, 3].slice(1, 2) == [2] && lists.range(3) == [0, 1, 2]
sets.contains([1, 2, 3], [2]) && !sets.contains([], [1]) && sets.contains([], [])
sets.equivalent([1, 1], [1]) && sets.intersects([1], [1, 2]) && !sets.intersects([1], [])
math.greatest(1, 2.5) == 2.5 && math.least([3, 1, 2]) == 1 && math.round(-2.5) == -3.0 && math.abs(-5) == 5
math.bitAnd(5, 3) == 1 && math.bitShiftLeft(1, 3) == 8 && math.bitNot(5) == -6
url('https://user:pw@example.com:80/a/b?x=1&y=2&x=3#f').getHost() == 'example.com:80'
url('https://example.com:80/').getHostname() == 'example.com' && url('https://example.com:80/').getPort() == '80'
url('https://[::1]:80/').getHostname() == '::1' && url('/path/with space').getEscapedPath() == '/path/with%20space'
url('https://example.com/?k=a&k=b').getQuery() == {'k': ['a', 'b']}
isURL('https://example.com') && isURL('/absolute') && !isURL('relative') && !isURL('../x') && !isURL('')
quantity('1Gi').compareTo(quantity('1G')) == 1 && quantity('200M') == quantity('0.2G')
quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('50k').sub(20000) == quantity('30k')
sign(quantity('-5')) == -1 && quantity('50k').asInteger() == 50000 && !quantity('1.5').isInteger()
quantity('1.5').asApproximateFloat() == 1.5 && quantity('1').isLessThan(quantity('2'))
isQuantity('1.3Gi') && !isQuantity('200K') && !isQuantity('Three')
ip('192.168.0.1').family() == 4 && ip('::1').family() == 6 && ip('::1').isLoopback()
ip('10.0.0.1').isGlobalUnicast() && ip('169.254.1.1').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast()
ip('0.0.0.0').isUnspecified() && string(ip('::1')) == '::1' && ip('2001:db8::0') == ip('2001:db8::')
isIP('::ffff:1.2.3.4') == false && isIP('01.2.3.4') == false && isIP('fe80::1%eth0') == false
ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')
cidr('192.168.0.0/24').containsIP('192.168.0.7') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))
cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/16'))
cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && cidr('192.168.0.1/24').ip() == ip('192.168.0.1')
cidr('::1/128').prefixLength() == 128 && isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0')
!format.dns1123Label().validate('my-name').hasValue() && format.dns1123Label().validate('My').hasValue()
!format.dns1123LabelPrefix().validate('my-').hasValue() && format.dns1123Label().validate('my-').hasValue()
format.named('uuid').hasValue() && !format.named('nothing').hasValue()
!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && format.date().validate('x').hasValue()
!format.byte().validate('aGVsbG8=').hasValue() && !format.uri().validate('http://example.com').hasValue()
!format.datetime().validate('2021-01-01T00:00:00Z').hasValue() && format.labelValue().validate('-').hasValue()
semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3
semver('1.2.3-alpha').isLessThan(semver('1.2.3')) && semver('1.0.0-1').isLessThan(semver('1.0.0-a'))
semver('1.10.0').isGreaterThan(semver('1.9.0')) && semver('1.0.0+a') == semver('1.0.0+b')
isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && !isSemver('01.0.0') && isSemver('01.0', true)
semver('01.01.01', true) == semver('1.1.1')
type(quantity('1')) == kubernetes.Quantity && type(ip('::1')) == net.IP
"""

ERRORS = {
    "'a'.charAt(2) == ''": "index out of range: 2",
    "'abc'.substring(2, 1) == ''": "invalid substring range. start: 2, end: 1",
    "quantity('Mi').isInteger()": "quantities must match the regular expression",
    "ip('nonsense').family() == 4": "parse error during conversion from string",
    "[1].filter(x, x > 1).min() == 1": "min called on empty list",
    "'%d'.format(['a']) == ''": "decimal clause can only be used on integers",
    "'%d'.format([]) == ''": "index 0 out of range",
    "quantity('9999999999999999999G').asInteger() == 1": "cannot convert value to integer",
}


@pytest.mark.parametrize("expression", TRUE.strip().splitlines())
def test_true(expression: str) -> None:
    assert program.compile(expression, ENVIRONMENT).evaluate({}) is True


@pytest.mark.parametrize(("expression", "message"), ERRORS.items())
def test_error(expression: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        program.compile(expression, ENVIRONMENT).evaluate({})
    assert message in str(caught.value)


def test_a_hostile_pattern_takes_no_time() -> None:
    text = "a" * 3000
    compiled = program.compile(f"'{text}!'.matches('^(a+)+$')", ENVIRONMENT)
    assert compiled.evaluate({}) is False


def test_text_cannot_grow_without_bound() -> None:
    growing = program.compile("'x'.replace('', '0123456789' + '0123456789').size() > 0", ENVIRONMENT)
    assert growing.evaluate({}) is True
    text = "a" * 5000
    huge = program.compile(f"'{text}'.replace('', '{text}').size() > 0", ENVIRONMENT)
    with pytest.raises(BudgetExceededError):
        huge.evaluate({})


def test_what_is_long_is_neither_read_nor_repeated() -> None:
    for call in ("duration", "timestamp", "double", "timestamp('2020-01-01T00:00:00Z').getHours"):
        compiled = program.compile(f"string({call}(string(dyn('{'9' * 50_000}')))) == ''", ENVIRONMENT)
        outcome = compiled.run({})
        assert outcome.error is not None
        assert len(str(outcome.error)) < 300
    missing = program.compile(f"{{'a': 1}}[string(dyn('{'k' * 50_000}'))] == 1", ENVIRONMENT).run({})
    assert len(str(missing.error)) < 2000
    assert program.compile(f"'%s'.format(['{'k' * 50_000}']).size() > 0", ENVIRONMENT).run({}).cost > 4000


def test_an_environment_takes_further_libraries() -> None:
    library = Library()
    library.add("double", "string . -> string", lambda text: text * 2, id="twice")
    extended = ENVIRONMENT.with_libraries([library])
    assert program.compile("'ab'.double() == 'abab'", extended).evaluate({}) is True
    assert not any(overload.id == "twice" for overload in ENVIRONMENT.functions["double"])
