"""A containerd of a test's own, and proof that nothing of it is left."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bascule.data.runtime import images
from bascule.data.runtime.containerd.driver import ContainerdRuntime
from bascule.data.runtime.containerd.engine import Engine

IMAGE = "bascule.test/busybox:1"


@contextlib.asynccontextmanager
async def started(directory: Path, pod_cidr: str = "10.231.7.0/24") -> AsyncIterator[ContainerdRuntime]:
    engine = Engine(directory / "containerd", pod_cidr)
    driver = ContainerdRuntime(engine)
    try:
        await driver.start()
        archive = directory / "busybox.tar"
        images.busybox(archive, IMAGE)
        await driver.import_images(archive)
        yield driver
    finally:
        await driver.close()
        await engine.destroy()
        left = Path("/proc/self/mounts").read_text()
        assert str(directory) not in left
        assert str(engine.run_directory) not in left
        assert not engine._shims()
        assert not engine.run_directory.exists()
