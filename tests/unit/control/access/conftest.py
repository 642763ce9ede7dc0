from collections.abc import AsyncIterator

import pytest

from tests.unit.control.access import world
from tests.unit.control.api import harness


@pytest.fixture
async def api() -> AsyncIterator[harness.Api]:
    async with harness.running() as running:
        yield running


@pytest.fixture
def held() -> world.DictReader:
    held = world.bootstrapped()
    held.put("", "serviceaccounts", world.named("default", "default"))
    return held
