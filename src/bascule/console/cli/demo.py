"""``bascule demo``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from bascule.console.cli import options
from bascule.console.demo.story import Story


@click.command("demo")
@options.data_dir
@click.option("--dark-seconds", default=15.0, show_default=True, help="how long the control tower stays dead")
def command(data_dir: Path, dark_seconds: float) -> None:
    """Tell the story: requests flow, the bridge is raised, the control plane is killed, nothing stops.

    Starts the platform if it is not up. Ends with a table of what was promised and what was seen; the exit code is 1 if
    they differ.
    """
    story = Story(data_dir, options.say, dark_seconds=dark_seconds)
    promises = options.run(story.tell)
    options.say("")
    Console().print(promises.table())
    if not promises.all_kept:
        raise SystemExit(1)
