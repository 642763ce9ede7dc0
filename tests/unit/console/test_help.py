"""What the command says of itself, kept so that a change of it is seen."""

from __future__ import annotations

from pathlib import Path

import click.testing

from bascule.console.cli import main
from tests import goldens


def test_help_reads_as_written_down() -> None:
    runner = click.testing.CliRunner()
    pages = []
    for arguments in ([], ["up"], ["down"], ["status"], ["doctor"], ["demo"], ["bridge"], ["token"]):
        answer = runner.invoke(main.main, [*arguments, "--help"], prog_name="bascule", terminal_width=100)
        assert answer.exit_code == 0, answer.output
        pages.append(answer.output)
    goldens.check(Path(__file__).with_name("goldens") / "help.txt", "\n".join(pages))
