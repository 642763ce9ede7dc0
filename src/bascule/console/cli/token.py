"""``bascule token``: what a machine elsewhere needs to join."""

from __future__ import annotations

from pathlib import Path

import click

from bascule.console.cli import options
from bascule.console.local import access
from bascule.vocabulary import builtins


@click.command("token")
@options.data_dir
@click.option("--reusable", is_flag=True, help="let several nodes join with it")
def command(data_dir: Path, reusable: bool) -> None:
    """Make a bootstrap token and print the command with which a node joins."""
    layout, installation = options.installed(data_dir)

    async def make() -> str:
        secret, token = access.bootstrap_token("made by bascule token", reusable=reusable)
        async with access.client_of(layout) as api:
            await api.create(builtins.SECRETS, secret)
        return token

    token = options.run(make)
    options.say(token)
    options.say(
        f"\non the node, with {layout.data_dir / 'pki' / 'ca.crt'} copied there:\n"
        f"  bascule agent --node-name NAME --bridge {installation.bridge_address} --ca-file ca.crt --join-token {token}"
    )
