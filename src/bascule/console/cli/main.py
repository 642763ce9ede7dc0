"""The ``bascule`` command: finds the verb's file and runs it, loading nothing else."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "up": "Start the platform in the background; returns when it is ready.",
    "down": "Stop all of it; the data stays.",
    "status": "Show both towers, the bridge, and how far behind each node is.",
    "doctor": "Say what this machine lacks and what that costs.",
    "demo": "Tell the story in two minutes: the control plane dies, nothing stops.",
    "bridge": "Raise (cut) or lower (restore) the bridge between the towers.",
    "token": "Make a bootstrap token with which a node joins.",
    "api": "Run the API server in the foreground.",
    "controllers": "Run the controllers in the foreground.",
    "scheduler": "Run the scheduler in the foreground.",
    "bridgehead": "Run the bridgehead in the foreground.",
    "agent": "Run a node's agent in the foreground.",
    "dns": "Run a node's DNS in the foreground.",
}
PROGRAMS = {
    "api": "bascule.control.api",
    "controllers": "bascule.control.controllers",
    "scheduler": "bascule.control.scheduler",
    "bridgehead": "bascule.control.bridgehead",
    "agent": "bascule.data.agent",
    "dns": "bascule.data.dns",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in PROGRAMS:
            from bascule.console.cli import programs

            return programs.command(cmd_name, PROGRAMS[cmd_name], VERBS[cmd_name])
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"bascule.console.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, so that --help imports no verb."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bascule")
def main() -> None:
    """Bascule: a Kubernetes platform whose control plane and data plane stand alone."""


if __name__ == "__main__":
    main()
