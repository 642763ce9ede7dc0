"""The plan of processes: each command line is one that its program understands, and the towers are apart."""

from __future__ import annotations

import argparse
import importlib
import ipaddress
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from bascule.console.local import choices, hostnet, machine, plan
from bascule.console.local.layout import Installation, Layout
from bascule.console.local.supervisor import Process, Tower


class Parsed(Exception):
    """Raised by the test's ``parse_args`` once the real one has agreed."""


def understands(module: str, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the program would refuse its command line. Nothing of the program runs but the parsing."""
    name = module if module.endswith(".hollow") else f"{module}.__main__"
    main = importlib.import_module(name).main
    if isinstance(main, click.Command):
        main.make_context(module, list(arguments))
        return
    real = argparse.ArgumentParser.parse_args

    def parse(self: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: None = None) -> None:
        real(self, list(arguments))
        raise Parsed

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(Parsed):
            main()


def module_of(process: Process) -> tuple[str, tuple[str, ...]]:
    """The Python module a command starts and the arguments it gets, whatever stands before."""
    at = process.command.index("-m")
    return process.command[at + 1], process.command[at + 2 :]


@pytest.fixture(params=["process", "containerd", "hollow"])
def installation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    monkeypatch.setattr(machine, "containerd_ready", lambda: True)
    monkeypatch.setattr(machine, "envoy_binary", lambda: "/usr/bin/envoy")
    monkeypatch.setattr(hostnet, "free_subnet", lambda: ipaddress.IPv4Network("10.88.7.0/24"))
    return choices.choose(choices.Wishes(tmp_path, 2, 2, request.param, 0), Layout(tmp_path))


@pytest.fixture
def towers(installation: Installation, tmp_path: Path) -> tuple[Tower, Tower]:
    layout = Layout(tmp_path)
    return plan.control_tower(installation, layout), plan.data_tower(installation, layout)


def test_every_program_understands_its_command_line(
    towers: tuple[Tower, Tower], monkeypatch: pytest.MonkeyPatch
) -> None:
    for tower in towers:
        for process in tower.processes:
            module, arguments = module_of(process)
            assert module.startswith(f"bascule.{tower.name}.")
            understands(module, arguments, monkeypatch)


def test_names_are_unique_and_what_is_awaited_exists(towers: tuple[Tower, Tower]) -> None:
    control, data = towers
    names = [process.name for tower in towers for process in tower.processes]
    assert len(set(names)) == len(names)
    for tower in (control, data):
        earlier: set[str] = set()
        for process in tower.processes:
            assert set(process.after) <= earlier, "a process waits for one that starts later, or for the other tower's"
            earlier.add(process.name)


def test_nodes_with_a_namespace_run_inside_it(installation: Installation, towers: tuple[Tower, Tower]) -> None:
    for process in towers[1].processes:
        inside = [node for node in installation.nodes if process.name.endswith(node.name) and node.namespace]
        prefix = ("nsenter", f"--net=/run/netns/{inside[0].namespace}", "--") if inside else ()
        assert process.command[: len(prefix)] == prefix
        assert process.command[len(prefix)] == sys.executable
