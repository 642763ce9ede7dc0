"""The law of the house: the import contracts, what a running program has loaded, and the map that describes it all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bascule"

CONTROL_PROGRAMS = [
    "bascule.control.api.__main__",
    "bascule.control.controllers.__main__",
    "bascule.control.scheduler.__main__",
    "bascule.control.bridgehead.__main__",
    "bascule.bridge.identity.__main__",
]
DATA_PROGRAMS = ["bascule.data.agent.__main__", "bascule.data.agent.hollow", "bascule.data.dns.__main__"]
CONSOLE_PROGRAMS = ["bascule.console.cli.main", "bascule.console.local.supervisor", "bascule.console.demo.story"]

LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(name for name in sys.modules if name.startswith("bascule."))))
"""


def loaded(program: str) -> list[str]:
    """What a fresh interpreter holds of Bascule once the program is imported."""
    done = subprocess.run([sys.executable, "-c", LOADED, program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    assert program in names
    return names


def of(names: list[str], *packages: str) -> list[str]:
    return [name for name in names if name.split(".")[1] in packages]


def test_the_import_contracts_hold() -> None:
    """As ``make check`` runs them; a broken one is shown with the offending chain."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", CONTROL_PROGRAMS)
def test_a_control_program_holds_nothing_of_the_data_tower(program: str) -> None:
    assert of(loaded(program), "data", "console") == []


@pytest.mark.parametrize("program", DATA_PROGRAMS)
def test_a_data_program_holds_nothing_of_the_control_tower_nor_a_client_of_its_api(program: str) -> None:
    assert of(loaded(program), "control", "client", "console") == []


@pytest.mark.parametrize("program", CONSOLE_PROGRAMS)
def test_the_console_holds_nothing_of_either_tower(program: str) -> None:
    assert of(loaded(program), "control", "data") == []


def test_the_dns_program_holds_nothing_of_the_agent() -> None:
    """A node answers names while its agent is dead, so the program depends on the disk and no living part."""
    assert [
        n for n in loaded("bascule.data.dns.__main__") if (*n.split("."), "")[2] in ("agent", "runtime", "proxy")
    ] == []


def test_every_program_is_checked_above() -> None:
    mains = {".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in SOURCE.rglob("__main__.py")}
    assert mains == {name for name in (*CONTROL_PROGRAMS, *DATA_PROGRAMS) if name.endswith("__main__")}


def mapped() -> set[str]:
    """The folders of the map in ARCHITECTURE.md."""
    chart = (ROOT / "ARCHITECTURE.md").read_text().partition("## The map")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w/]+)/` \|", chart, re.MULTILINE))


def folders() -> set[str]:
    """The packages: those at the top, and within the towers and the console one below."""
    found = set()
    for path in SOURCE.rglob("__init__.py"):
        parts = path.parent.relative_to(SOURCE).parts
        if len(parts) == 1 and parts[0] not in ("control", "data", "console"):
            found.add(parts[0])
        elif len(parts) == 2 and parts[0] in ("control", "data", "console"):
            found.add("/".join(parts))
    return found


def test_the_map_shows_every_room_and_no_other() -> None:
    assert folders() - mapped() == set(), "in the source and not in the map of ARCHITECTURE.md"
    assert mapped() - folders() == set(), "in the map of ARCHITECTURE.md and not in the source"


def test_the_bridges_rooms_are_named_in_its_row() -> None:
    row = next(line for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines() if line.startswith("| `bridge/`"))
    rooms = {path.parent.name for path in (SOURCE / "bridge").glob("*/__init__.py")}
    assert rooms == {room for room in rooms if f"`{room}`" in row}
