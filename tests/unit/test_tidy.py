"""The rules of the house, as far as a program can see them. Each failure names the place and the rule."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
FILE_LINES_MAX, FILE_LINES_RARE = 500, 400
FUNCTION_LINES_MAX = 69
DOCSTRING_LINES_MAX = 15
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
AWAITED = {
    "src/bascule/control/store/sqlite/restore.py",  # the command that restores a snapshot
}
"""Modules that are finished before what will use them; an entry that is used by now must go."""

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
SLEEP = re.compile(r"(?<!await )(?<!\.)\btime\.sle" + r"ep\(")  # a clock that is passed in may be called time
FOREIGN = re.compile(
    r"(?<![\w.])/(work|home|root|Users)/[\w.]"  # a path of somebody's machine
    r"|https?://(?!localhost)[\w.-]*(artifactory|nexus|pypi\.|mirror|registry\.(npmjs|yarnpkg))",
    re.IGNORECASE,
)
PROGRAM = re.compile(r'^if __name__ == "__main__":', re.MULTILINE)


@functools.cache
def committed() -> tuple[Path, ...]:
    """Every file of the repository that is there, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files are the project's")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def python(*folders: str) -> list[Path]:
    return [p for p in committed() if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in (folders or ("src",))]


@functools.cache
def text(path: Path) -> str:
    return path.read_text()


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path))


def is_program(path: Path) -> bool:
    return path.name in ("__main__.py", "main.py") or bool(PROGRAM.search(text(path)))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module(path: Path) -> str:
    """``bascule.vocabulary.errors``; a package is named like its folder."""
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """The lines that match, as ``path:line``."""
    return [
        f"{shown(path)}:{number}"
        for path in paths
        for number, line in enumerate(text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_files_are_short() -> None:
    lengths = {shown(path): text(path).count("\n") for path in python("src", "tests", "bench")}
    long = {name: count for name, count in lengths.items() if count > FILE_LINES_RARE}
    assert [f"{name}: {count} lines" for name, count in long.items() if count > FILE_LINES_MAX] == []
    assert len(long) <= len(lengths) // 50, f"files over {FILE_LINES_RARE} lines are rare: {long}"


def test_functions_are_short() -> None:
    long = [
        f"{shown(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python("src", "tests", "bench")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_names_say_what_is_inside() -> None:
    assert [shown(path) for path in python("src", "tests", "bench") if VAGUE & {path.stem, path.parent.name}] == []


def test_every_module_says_what_it_is_for() -> None:
    wrong = []
    for path in python("src", "bench"):
        docstring = ast.get_docstring(tree(path))
        if not docstring:
            wrong.append(f"{shown(path)}: no docstring")
        elif docstring.count("\n") + 1 > DOCSTRING_LINES_MAX:
            wrong.append(f"{shown(path)}: a docstring of {docstring.count(chr(10)) + 1} lines")
    assert wrong == []


def test_every_folder_is_a_package() -> None:
    """Its docstring is the business of the test above."""
    folders = {path.parent for path in python("src")}
    assert [shown(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_nothing_is_left_to_do() -> None:
    assert found(UNFINISHED, python("src", "tests", "bench")) == []


def test_nobody_sleeps() -> None:
    paths = [path for path in python("src", "tests") if shown(path) != "tests/waiting.py"]
    assert found(SLEEP, paths) == []


def test_no_machine_is_named() -> None:
    """Paths of a machine and hosts of a registry belong to whoever runs this, not into it."""
    binary = (".gz", ".png", ".pb", ".ico", ".svg")
    readable = [path for path in committed() if path.suffix not in binary and "corpus" not in path.parts]
    assert found(FOREIGN, [path for path in readable if path.name != Path(__file__).name]) == []


def test_only_the_console_and_the_ready_lines_print() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in python("src")
        if "console" not in path.parts and not is_program(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == []


def imported(path: Path) -> Iterator[str]:
    """Every module an import statement or a string of this file may name."""
    here = module(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("bascule."):
            yield node.value


def entry_points() -> set[str]:
    """What a command line starts: the console script, the verbs it finds by name, and the programs."""
    scripts = re.findall(r'= "(bascule[\w.]*):\w+"', text(ROOT / "pyproject.toml"))
    verbs = {module(path) for path in python("src") if "console/cli" in shown(path)}
    return set(scripts) | verbs | {module(path) for path in python("src") if is_program(path)}


def test_no_module_is_dead() -> None:
    """Each module is imported, or started by name, by another one of the product; tests alone keep nothing alive."""
    used = {name for path in python("src") for name in set(imported(path)) if name != module(path)}
    entries = entry_points()
    dead = [shown(path) for path in python("src") if path.name != "__init__.py" and module(path) not in used | entries]
    assert set(dead) - AWAITED == set(), "nothing of the product uses these"
    assert AWAITED - set(dead) == set(), "these are used by now: take them off the list"
