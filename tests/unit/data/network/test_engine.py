"""The nftables engine against a real kernel: connections land on the backends, refusals are at once, flushes heal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
ALL = ["10.1.0.1", "10.1.0.2", "10.1.0.3"]


@pytest.mark.root
@pytest.mark.slow
def test_a_real_kernel_balances_refuses_and_heals(namespace: str) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, str(Path(__file__).with_name("engine_probe.py"))],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}/src:{ROOT}", "PATH": path},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "one": ALL[:1],
        "three": ALL,
        "node port": ALL,
        "sticky": [1, True],
        "sticky, its backend gone": [1, True],
        "sticky, more backends": True,
        "sticky for a while": True,
        "none": ["ConnectionRefusedError"],
        "no node port": ["ConnectionRefusedError"],
        "healed": [ALL, ALL, ALL],
        "bad plan": ALL,
        "left": "",
    }
