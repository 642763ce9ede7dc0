"""What several verbs share: the data directory option, output, and turning known failures into clear endings."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import click

from bascule.client import kubeconfig
from bascule.console.local.choices import BringUpError
from bascule.console.local.layout import Installation, Layout, LayoutError
from bascule.console.local.processes import StartError
from bascule.vocabulary.errors import StatusError

T = TypeVar("T")

DEFAULT_DATA_DIR = Path(".bascule")

data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DATA_DIR,
    envvar="BASCULE_DATA_DIR",
    show_default=True,
    help="where the installation lives",
)


def say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs the coroutine; failures we know end the command with their message and no traceback."""
    try:
        return asyncio.run(work())
    except (BringUpError, LayoutError, StartError, kubeconfig.KubeconfigError) as error:
        raise click.ClickException(str(error)) from error
    except StatusError as error:
        raise click.ClickException(f"the API server says: {error.message}") from error
    except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
        raise click.ClickException(
            f"the control tower does not answer ({str(error) or type(error).__name__}). bascule status shows "
            "what runs; bascule up starts what is missing."
        ) from error
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what was started goes on. bascule down stops it.") from None


def found(layout: Layout) -> Installation | None:
    """The installation in a directory, None when there is none. Raises ClickException when it cannot be read."""
    try:
        return layout.load()
    except LayoutError as error:
        raise click.ClickException(str(error)) from error


def installed(data_dir: Path) -> tuple[Layout, Installation]:
    """The installation in a directory. Raises ClickException when there is none."""
    layout = Layout(data_dir)
    installation = found(layout)
    if installation is None:
        raise click.ClickException(f"there is no installation in {layout.data_dir}. Start one with bascule up.")
    return layout, installation
