"""What a cluster cannot be without comes back when it is deleted: the system's namespaces, the `kubernetes` Service.

Looked at every ten seconds, against the cache; of the root cluster alone, as those of others are of their masters.
"""

from __future__ import annotations

from typing import Final

from bascule.control.api import assembly
from bascule.control.api import platform as platforms

INTERVAL_SECONDS: Final = 10.0


async def run(platform: platforms.Platform) -> None:
    """Runs until it is cancelled. What cannot be written is said and tried again."""
    while True:
        await platform.time.sleep(INTERVAL_SECONDS)
        await restore(platform)


async def restore(platform: platforms.Platform) -> None:
    """Makes what is missing."""
    await assembly.create_defaults(platform, only_essential=True)
