"""The ``bascule`` command as typed: its verbs, its help, and endings that say what to do instead of a traceback."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bascule.console.cli import main, options
from bascule.console.local import bringup, choices, machine
from bascule.console.local.choices import BringUpError
from bascule.console.local.layout import Installation, Layout
from bascule.console.local.processes import StartError
from bascule.vocabulary import errors

OWN_VERBS = [verb for verb in main.VERBS if verb not in main.PROGRAMS]


def run(*words: str) -> Result:
    return CliRunner().invoke(main.main, list(words), prog_name="bascule")


def test_help_lists_every_verb_with_its_line() -> None:
    result = run("--help")
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    for verb, line in main.VERBS.items():
        assert f"{verb} {line}" in text


@pytest.mark.parametrize("verb", OWN_VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: bascule {verb}")


def test_version() -> None:
    assert run("--version").output.startswith("bascule, version ")


def test_an_unknown_verb() -> None:
    result = run("explode")
    assert result.exit_code == 2
    assert "No such command 'explode'" in result.output


@pytest.mark.parametrize("words", [("status",), ("token",), ("bridge", "show"), ("bridge", "raise")])
def test_without_an_installation(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run(*words, "--data-dir", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert f"there is no installation in {tmp_path / 'none'}. Start one with bascule up." in result.output
    assert not (tmp_path / "none").exists()


def test_status_of_what_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "containerd_ready", lambda: False)
    layout = Layout(tmp_path)
    layout.prepare()
    layout.save(choices.choose(choices.Wishes(tmp_path, nodes=2, port=0), layout))
    result = run("status", "--data-dir", str(tmp_path))
    assert result.exit_code == 1
    rows = [line.split() for line in result.output.splitlines()]
    for name in ("api", "controllers", "scheduler", "bridgehead", "agent-node-1", "dns-node-1", "agent-node-2"):
        assert [name, "-", "down"] in rows
    assert "the bridgehead does not answer; nodes act on their ledgers" in result.output
    assert "the API server does not answer" in result.output


@pytest.mark.parametrize("words", [("--data-dir", "elsewhere"), ()])
def test_up_says_how_later_commands_find_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    async def brought_up(wishes: choices.Wishes, say: object) -> Installation:
        return choices.choose(choices.Wishes(wishes.data_dir, runtime="hollow", port=0), Layout(wishes.data_dir))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bringup, "up", brought_up)
    shown = run("up", "--no-install", *words).output
    assert ("BASCULE_DATA_DIR" in shown) is bool(words)
    assert not words or f"export BASCULE_DATA_DIR={(tmp_path / 'elsewhere').resolve()}\n" in shown


def test_down_without_an_installation_is_no_failure(tmp_path: Path) -> None:
    result = run("down", "--data-dir", str(tmp_path))
    assert result.exit_code == 0
    assert "nothing to stop" in result.output


@pytest.mark.parametrize("words", [("up",), ("down",), ("status",), ("token",), ("bridge", "show"), ("demo",)])
def test_a_damaged_installation_file_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "installation.json").write_text("{")
    result = run(*words, "--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert f"Error: {tmp_path / 'installation.json'} cannot be read" in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("words", [("--nodes", "0"), ("--zones", "0"), ("--port", "70000"), ("--runtime", "docker")])
def test_up_refuses_what_cannot_be(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run("up", "--data-dir", str(tmp_path), *words)
    assert result.exit_code == 2
    assert "Invalid value" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", main.PROGRAMS)
def test_a_programs_options_are_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, argv: became.append((path, argv)))
    assert run(name, "--data-dir", "d", "--help").exit_code == 0
    assert became == [(sys.executable, [sys.executable, "-m", main.PROGRAMS[name], "--data-dir", "d", "--help"])]
    assert importlib.util.find_spec(main.PROGRAMS[name] + ".__main__") is not None


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (BringUpError("no port"), "no port"),
        (StartError("no program"), "no program"),
        (errors.forbidden("no"), "the API server says: no"),
        (ConnectionRefusedError("refused"), "the control tower does not answer (refused)"),
        (TimeoutError(), "the control tower does not answer (TimeoutError)"),
        (KeyboardInterrupt(), "interrupted; what was started goes on"),
    ],
)
def test_known_failures_end_with_their_message(failure: BaseException, text: str) -> None:
    async def fail() -> None:
        raise failure

    with pytest.raises(click.ClickException) as ended:
        options.run(fail)
    assert text in ended.value.message


def test_other_failures_keep_their_traceback() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        options.run(fail)
