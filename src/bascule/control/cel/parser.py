"""From text to tree: recursive descent over the language's grammar, macros expanded on the way.

Depth is bounded before Python's own is: an expression nested deeper than `DEPTH_MAX` does not parse.
"""

from __future__ import annotations

from bascule.control.cel import ast, lexer, macros
from bascule.control.cel.errors import CompileError, Issue
from bascule.control.cel.values import INT_MAX

DEPTH_MAX = 50
"""How deep parentheses, calls, lists and such may nest."""
TREE_DEPTH_MAX = 250
"""How deep the tree may be; long chains (``a + b + c``, ``a.b.c``) make it deep without nesting."""
SOURCE_LENGTH_MAX = 100_000
"""Code points, as upstream's limit."""

_PRIMARY = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
_PRIMARY_OR_NONE = _PRIMARY.replace("'(', '.'", "'(', ')', '.'")
_RELATIONS = {"==", "!=", "<", "<=", ">", ">="}
_STARTS = frozenset({"[", "{", "(", ".", "-", "!", "int", "uint", "float", "string", "bytes", "ident"})


class _AbortError(Exception):
    """The rest cannot be read."""


def parse(source: str) -> ast.Node:
    """The tree of an expression. Raises CompileError."""
    if len(source) > SOURCE_LENGTH_MAX:
        message = f"expression code point size exceeds limit: size: {len(source)}, limit {SOURCE_LENGTH_MAX}"
        raise CompileError(source[:80], [Issue(0, message)])
    tokens, issues = lexer.tokens(source)
    parser = _Parser(tokens, issues)
    tree = parser.whole()
    if tree is not None and not parser.issues and _depth(tree) > TREE_DEPTH_MAX:
        parser.report(0, f"expression recursion limit exceeded: {TREE_DEPTH_MAX}")
    if tree is None or parser.issues:
        raise CompileError(source, parser.issues)
    return tree


def _depth(tree: ast.Node) -> int:
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in ast.children(node))
    return deepest


class _Parser:
    def __init__(self, tokens: list[lexer.Token], issues: list[Issue]) -> None:
        self.tokens = tokens
        self.issues = issues
        self.at = 0
        self.depth = 0

    def whole(self) -> ast.Node | None:
        try:
            tree = self.expression()
            token = self.peek()
            if token.kind != "end":
                word = "extraneous" if self.tokens[self.at + 1].kind == "end" else "mismatched"
                self.syntax(token, f"{word} input '{token.text}' expecting <EOF>")
        except _AbortError:
            return None
        return tree

    # Tokens

    def peek(self) -> lexer.Token:
        return self.tokens[self.at]

    def next(self) -> lexer.Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def accept(self, kind: str) -> lexer.Token | None:
        token = self.tokens[self.at]
        if token.kind != kind:
            return None
        self.at += 1
        return token

    def expect(self, kind: str, *, after_item: bool = False) -> lexer.Token:
        """``after_item``: a comma would do, too."""
        token = self.peek()
        if token.kind == kind:
            self.at += 1
            return token
        if kind == ")" and token.kind == "end":
            return self.syntax(token, "missing ')' at '<EOF>'")
        wanted = f"{{'{kind}', ','}}" if after_item and kind != ")" else f"'{kind}'"
        return self.syntax(token, f"mismatched input '{token.text}' expecting {wanted}")

    def report(self, position: int, message: str) -> None:
        self.issues.append(Issue(position, message))

    def syntax(self, token: lexer.Token, message: str) -> lexer.Token:
        self.report(token.position, f"Syntax error: {message}")
        raise _AbortError

    # Operators, from the loosest to the tightest

    def expression(self) -> ast.Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self.report(self.peek().position, f"expression recursion limit exceeded: {DEPTH_MAX}")
            raise _AbortError
        condition = self.disjunction()
        if question := self.accept("?"):
            chosen = self.disjunction()
            self.expect(":")
            other = self.expression()
            condition = ast.Call("_?_:_", None, [condition, chosen, other], position=question.position)
        self.depth -= 1
        return condition

    def disjunction(self) -> ast.Node:
        return self.logical("||", "_||_", "&&")

    def logical(self, kind: str, function: str, tighter: str) -> ast.Node:
        """Operands of ``&&`` and ``||`` are put together as a balanced tree, as upstream does."""
        operands = [self.logical(tighter, "_&&_", "") if tighter else self.relation()]
        positions: list[int] = []
        while token := self.accept(kind):
            positions.append(token.position)
            operands.append(self.logical(tighter, "_&&_", "") if tighter else self.relation())
        return _balanced(function, operands, positions)

    def relation(self) -> ast.Node:
        left = self.sum()
        while True:
            token = self.peek()
            if token.kind not in _RELATIONS and not (token.kind == "ident" and token.text == "in"):
                return left
            self.at += 1
            function = "@in" if token.text == "in" else f"_{token.kind}_"
            left = ast.Call(function, None, [left, self.sum()], position=token.position)

    def sum(self) -> ast.Node:
        left = self.product()
        while token := self.accept("+") or self.accept("-"):
            left = ast.Call(f"_{token.kind}_", None, [left, self.product()], position=token.position)
        return left

    def product(self) -> ast.Node:
        left = self.unary()
        while token := self.accept("*") or self.accept("/") or self.accept("%"):
            left = ast.Call(f"_{token.kind}_", None, [left, self.unary()], position=token.position)
        return left

    def unary(self) -> ast.Node:
        first = self.peek()
        if first.kind not in ("!", "-"):
            return self.member()
        count = 0
        while self.accept(first.kind):
            count += 1
        follower = self.peek()
        if first.kind == "-" and follower.kind in ("int", "float"):
            # A minus right before a number belongs to it: that is how the least int can be written.
            count -= 1
            inner = self.member(negative=first.position if count == 0 else follower.position - 1)
        else:
            inner = self.member()
        if count % 2 == 0:
            return inner
        return ast.Call("!_" if first.kind == "!" else "-_", None, [inner], position=first.position)

    # Members and primaries

    def member(self, *, negative: int | None = None) -> ast.Node:
        node = self.primary(negative)
        while True:
            token = self.peek()
            if token.kind == ".":
                self.at += 1
                node = self.selection(node, token)
            elif token.kind == "[":
                self.at += 1
                function = "_[?_]" if self.accept("?") else "_[_]"
                index = self.expression()
                self.expect("]")
                node = ast.Call(function, None, [node, index], position=token.position)
            else:
                return node

    def selection(self, operand: ast.Node, dot: lexer.Token) -> ast.Node:
        optional = self.accept("?") is not None
        name = self.next()
        if name.kind == "escaped":
            return ast.Select(operand, name.value, optional=optional, position=dot.position)
        if name.kind != "ident" or name.text in lexer.KEYWORDS:
            self.syntax(name, f"no viable alternative at input '.{name.text if name.kind != 'end' else ''}'")
        opening = self.peek()
        if opening.kind == "(" and not optional:
            self.at += 1
            args = self.arguments()
            return self.call(name.text, operand, args, opening.position)
        return ast.Select(operand, name.text, optional=optional, position=dot.position)

    def call(self, function: str, target: ast.Node | None, args: list[ast.Node], position: int) -> ast.Node:
        try:
            expanded = macros.expand(function, target, args, position)
        except macros.MacroError as error:
            self.report(error.position, str(error))
            raise _AbortError from error
        return expanded if expanded is not None else ast.Call(function, target, args, position=position)

    def arguments(self) -> list[ast.Node]:
        args: list[ast.Node] = []
        if self.accept(")"):
            return args
        if self.peek().kind == "end":
            self.syntax(self.peek(), f"mismatched input '<EOF>' expecting {_PRIMARY_OR_NONE}")
        while True:
            args.append(self.expression())
            if not self.accept(","):
                self.expect(")")
                return args

    def primary(self, negative: int | None) -> ast.Node:
        token = self.next()
        if token.kind in ("int", "uint", "float", "string", "bytes"):
            return self.literal(token, negative)
        if token.kind == "ident":
            return self.named(token, "")
        if token.kind == "." and self.peek().kind == "ident":
            return self.named(self.next(), ".")
        if token.kind == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token.kind == "[":
            return self.list(token)
        if token.kind == "{":
            return self.map(token)
        viable = token.kind != "end" and self.peek().kind in _STARTS
        word = "extraneous" if viable else "mismatched"
        self.syntax(token, f"{word} input '{token.text}' expecting {_PRIMARY}")
        raise _AbortError

    def literal(self, token: lexer.Token, negative: int | None) -> ast.Node:
        value, position = token.value, token.position
        if negative is not None:
            value, position = -value, negative
        if type(value) is int and value > INT_MAX:
            self.report(position, "invalid int literal")
        return ast.Literal(value, position=position)

    def named(self, token: lexer.Token, dot: str) -> ast.Node:
        if token.text in lexer.KEYWORDS and not dot:
            if token.text == "in":
                self.syntax(token, f"mismatched input 'in' expecting {_PRIMARY}")
            value = {"true": True, "false": False, "null": None}[token.text]
            return ast.Literal(value, position=token.position)
        if token.text in lexer.RESERVED:
            self.report(token.position, f"reserved identifier: {token.text}")
        opening = self.peek()
        if opening.kind == "(":
            self.at += 1
            args = self.arguments()
            return self.call(dot + token.text, None, args, opening.position)
        if opening.kind == "{":
            self.report(opening.position, "unsupported syntax: messages cannot be made in expressions")
            raise _AbortError
        return ast.Ident(dot + token.text, position=token.position)

    def list(self, opening: lexer.Token) -> ast.Node:
        elements: list[ast.Node] = []
        optional: set[int] = set()
        while not self.accept("]"):
            if self.accept("?"):
                optional.add(len(elements))
            elements.append(self.expression())
            if not self.accept(","):
                self.expect("]", after_item=True)
                break
            if elements and self.peek().kind == "end":
                self.syntax(self.peek(), "missing ']' at '<EOF>'")
        return ast.ListNode(elements, frozenset(optional), position=opening.position)

    def map(self, opening: lexer.Token) -> ast.Node:
        entries: list[ast.Entry] = []
        while not self.accept("}"):
            optional = self.accept("?") is not None
            key = self.expression()
            self.expect(":")
            entries.append(ast.Entry(key, self.expression(), optional))
            if not self.accept(","):
                self.expect("}", after_item=True)
                break
            if self.peek().kind == "end":
                self.syntax(self.peek(), "missing '}' at '<EOF>'")
        return ast.MapNode(entries, position=opening.position)


def _balanced(function: str, operands: list[ast.Node], positions: list[int]) -> ast.Node:
    if len(operands) == 1:
        return operands[0]
    middle = len(positions) // 2
    left = _balanced(function, operands[: middle + 1], positions[:middle])
    right = _balanced(function, operands[middle + 1 :], positions[middle + 1 :])
    return ast.Call(function, None, [left, right], position=positions[middle])
