import asyncio
from typing import Any

import pytest

from bascule.control.reconcile import events
from bascule.vocabulary import clock, objects
from tests import waiting

WEB: objects.Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "here", "uid": "u"},
}


class Written:
    """A client that keeps what is written."""

    def __init__(self) -> None:
        self.created: list[objects.Object] = []
        self.patches: list[objects.Object] = []

    async def create(self, resource: Any, obj: objects.Object, **where: Any) -> objects.Object:
        self.created.append(obj)
        return obj

    async def patch(self, resource: Any, name: str, body: objects.Object, **where: Any) -> None:
        self.patches.append(body)


async def test_each_controller_speaks_in_its_own_name_and_counts_what_it_repeats() -> None:
    client = Written()
    recorder = events.Recorder(client, "all-controllers", clock.ManualClock())  # type: ignore[arg-type]
    voice = recorder.voice("deployment-controller")
    voice.record(WEB, events.NORMAL, "ScalingReplicaSet", "Scaled up")
    voice.record(WEB, events.NORMAL, "ScalingReplicaSet", "Scaled up")
    recorder.record(WEB, events.WARNING, "Quarantined", "broken")
    writing = asyncio.create_task(recorder.run())
    await waiting.until(lambda: len(client.created) == 2, timeout_seconds=5, what="both events")
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    found = [(one["reason"], one["source"]["component"], one["reportingComponent"]) for one in client.created]
    assert found == [
        ("ScalingReplicaSet", "deployment-controller", "deployment-controller"),
        ("Quarantined", "all-controllers", "all-controllers"),
    ]
    names = [one["metadata"]["name"] for one in client.created]
    assert names == sorted(names)
    assert [one["count"] for one in client.patches] == [2]
