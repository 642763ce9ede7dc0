"""Runs one program of a tower in place of this process, with the arguments as given."""

from __future__ import annotations

import os
import sys

import click


def command(name: str, module: str, summary: str) -> click.Command:
    """A command that becomes ``python -m module``; its options, ``--help`` included, are the program's own."""

    @click.command(name, help=summary, add_help_option=False, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def become(arguments: tuple[str, ...]) -> None:
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])

    return become
