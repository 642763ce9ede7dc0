"""Gives every node of a tree its type and every call its overloads, or says what does not fit.

Follows upstream's checker: what is wrong is reported where upstream reports it, in its words.
"""

from __future__ import annotations

from bascule.control.cel import ast, literals, types
from bascule.control.cel.declarations import Environment, Overload
from bascule.control.cel.errors import CompileError, Issue


def check(source: str, tree: ast.Node, environment: Environment) -> types.Type:
    """The type of the whole. Raises CompileError."""
    checker = _Checker(environment)
    result = checker.check(tree)
    if not checker.issues:
        checker.finish(tree)
        checker.issues.extend(literals.problems(tree))
    if checker.issues:
        raise CompileError(source, checker.issues)
    return tree.type or result


class _Checker:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.bindings = types.Bindings()
        self.scopes: list[dict[str, types.Type]] = []
        self.issues: list[Issue] = []

    def report(self, position: int, message: str) -> types.Type:
        self.issues.append(Issue(position, message))
        return types.ERROR

    def shown(self, given: types.Type) -> str:
        return str(self.bindings.substitute(given))

    def check(self, node: ast.Node) -> types.Type:
        if isinstance(node, ast.Literal):
            found = literals.type_of(node.value)
        elif isinstance(node, ast.Ident):
            found = self.ident(node)
        elif isinstance(node, ast.Select):
            found = self.select(node)
        elif isinstance(node, ast.Call):
            found = self.call(node)
        elif isinstance(node, ast.ListNode):
            found = self.list(node)
        elif isinstance(node, ast.MapNode):
            found = self.map(node)
        else:
            found = self.comprehension(node)
        node.type = found
        return found

    def finish(self, node: ast.Node) -> None:
        """Parameters become what they were bound to, or dyn."""
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type is not None:
                current.type = self.bindings.substitute(current.type, free_is_dyn=True)
            stack.extend(ast.children(current))

    # Names

    def lookup(self, name: str) -> types.Type | None:
        if not name.startswith("."):
            for scope in reversed(self.scopes):
                if name in scope:
                    return scope[name]
        name = name.removeprefix(".")
        found = self.environment.variables.get(name)
        if found is None and name in self.environment.type_names:
            found = types.type_of(self.environment.type_names[name])
        return found

    def ident(self, node: ast.Ident) -> types.Type:
        found = self.lookup(node.name)
        if found is None:
            return self.report(node.position, f"undeclared reference to '{node.name}' (in container '')")
        return found

    def select(self, node: ast.Select) -> types.Type:
        name = ast.qualified_name(node)
        if name is not None:
            found = self.lookup(name)
            root = name.split(".")[0]
            if found is not None and not any(root in scope for scope in self.scopes):
                node.resolved = name.removeprefix(".")
                return found
        operand = self.bindings.substitute(self.check(node.operand))
        is_optional = operand.name == "optional_type"
        target = self.bindings.substitute(operand.params[0]) if is_optional else operand
        result = self.field(node, target)
        if node.test_only:
            return types.BOOL
        return types.optional(result) if is_optional or node.optional else result

    def field(self, node: ast.Select, target: types.Type) -> types.Type:
        if target.kind in ("dyn", "error"):
            return types.DYN
        if target.kind == "param":
            self.bindings.attempt([types.DYN], [target])
            return types.DYN
        if target.kind == "map":
            return target.params[1]
        if target.kind == "object" and target.fields is not None:
            found = target.fields.get(node.field)
            return found if found is not None else self.report(node.position, f"undefined field '{node.field}'")
        return self.report(node.position, f"type '{self.shown(target)}' does not support field selection")

    # Calls

    def call(self, node: ast.Call) -> types.Type:
        if node.function == "_[?_]":
            return self.optional_index(node)
        for arg in node.args:
            self.check(arg)
        if node.target is not None:
            name = ast.qualified_name(node.target)
            qualified = f"{name}.{node.function}".removeprefix(".") if name is not None else ""
            if qualified in self.environment.functions:
                node.function, node.target = qualified, None
        function = node.function.removeprefix(".")
        overloads = self.environment.functions.get(function)
        args = list(node.args)
        if node.target is not None:
            self.check(node.target)
            args = [node.target, *args]
        if overloads is None:
            return self.report(node.position, f"undeclared reference to '{node.function}' (in container '')")
        return self.resolve(node, function, overloads, args)

    def resolve(self, node: ast.Call, function: str, overloads: list[Overload], args: list[ast.Node]) -> types.Type:
        actual = [arg.type or types.DYN for arg in args]
        result: types.Type | None = None
        matching: list[Overload] = []
        for overload in overloads:
            if overload.member != (node.target is not None):
                continue
            fresh: dict[str, types.Type] = {}
            expected = [self.bindings.instantiate(arg, fresh) for arg in overload.args]
            if not self.bindings.attempt(actual, expected):
                continue
            matching.append(overload)
            found = self.bindings.substitute(self.bindings.instantiate(overload.result, fresh))
            result = found if result is None or result == found else types.DYN
        if result is None:
            shown = [self.shown(arg) for arg in actual]
            signature = f"{shown[0]}.({', '.join(shown[1:])})" if node.target is not None else f"({', '.join(shown)})"
            message = f"found no matching overload for '{function}' applied to '{signature}'"
            return self.report(node.position, message)
        node.overloads = matching
        return result

    def optional_index(self, node: ast.Call) -> types.Type:
        """``a[?k]``: like an index, but absence is none."""
        for arg in node.args:
            self.check(arg)
        args = list(node.args)
        operand = self.bindings.substitute(args[0].type or types.DYN)
        overloads = self.environment.functions["_[_]"]
        if operand.name == "optional_type":
            return self.resolve(node, "_[_]", overloads, args)
        return types.optional(self.resolve(node, "_[_]", overloads, args))

    # Aggregates and loops

    def join(self, node: ast.Node, previous: types.Type | None, current: types.Type) -> types.Type:
        if previous is None:
            return current
        if self.bindings.attempt([current], [previous]):
            return types.most_general(previous, current)
        message = f"expected type '{self.shown(previous)}' but found '{self.shown(current)}'"
        return self.report(node.position, message)

    def element(self, node: ast.Node, *, optional: bool) -> types.Type:
        found = self.check(node)
        if not optional:
            return found
        resolved = self.bindings.substitute(found)
        if resolved.name == "optional_type":
            return resolved.params[0]
        if resolved.kind in ("dyn", "error"):
            return types.DYN
        return self.report(node.position, f"expected type 'optional_type' but found '{self.shown(resolved)}'")

    def list(self, node: ast.ListNode) -> types.Type:
        joined: types.Type | None = None
        for index, element in enumerate(node.elements):
            joined = self.join(element, joined, self.element(element, optional=index in node.optional))
        return types.list_of(joined if joined is not None else self.bindings.fresh())

    def map(self, node: ast.MapNode) -> types.Type:
        key: types.Type | None = None
        value: types.Type | None = None
        for entry in node.entries:
            key = self.join(entry.key, key, self.check(entry.key))
            value = self.join(entry.value, value, self.element(entry.value, optional=entry.optional))
        if key is None or value is None:
            return types.map_of(self.bindings.fresh(), self.bindings.fresh())
        return types.map_of(key, value)

    def comprehension(self, node: ast.Comprehension) -> types.Type:
        over = self.bindings.substitute(self.check(node.iter_range))
        accumulated = self.check(node.init)
        variables = self.iterated(node, over)
        self.scopes.append({node.accu_var: accumulated})
        self.scopes.append(variables)
        self.expect(node.condition, types.BOOL)
        self.expect(node.step, accumulated)
        self.scopes.pop()
        result = self.check(node.result)
        self.scopes.pop()
        return self.bindings.substitute(result)

    def iterated(self, node: ast.Comprehension, over: types.Type) -> dict[str, types.Type]:
        first: types.Type = types.DYN
        second: types.Type = types.DYN
        if over.kind == "list":
            first, second = types.INT, over.params[0]
        elif over.kind == "map":
            first, second = over.params
        elif over.kind == "param":
            self.bindings.attempt([types.DYN], [over])
        elif over.kind not in ("dyn", "error"):
            message = (
                f"expression of type '{self.shown(over)}' cannot be range of a comprehension "
                "(must be list, map, or dynamic)"
            )
            first = second = self.report(node.iter_range.position, message)
        if not node.iter_var2:
            return {node.iter_var: second if over.kind == "list" else first}
        return {node.iter_var: first, node.iter_var2: second}

    def expect(self, node: ast.Node, expected: types.Type) -> None:
        found = self.check(node)
        if not self.bindings.attempt([found], [expected]):
            message = f"expected type '{self.shown(expected)}' but found '{self.shown(found)}'"
            self.report(node.position, message)
