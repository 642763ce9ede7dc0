"""``bascule down``."""

from __future__ import annotations

from pathlib import Path

import click

from bascule.console.cli import options
from bascule.console.local import putdown


@click.command("down")
@options.data_dir
def command(data_dir: Path) -> None:
    """Stop both towers and every workload, and take the node networks away. The data stays for the next up."""
    if options.run(lambda: putdown.down(data_dir, options.say)):
        options.say("down; the data is kept in " + str(data_dir))
    else:
        options.say(f"nothing to stop: there is no installation in {data_dir}")
