"""Control groups of both versions, on directories that only look like them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bascule.data.runtime import cgroups, contract

LIMITS = contract.Resources(cpu_shares=512, cpu_quota_us=50_000, memory_limit_bytes=64 << 20)


def unified(root: Path) -> cgroups.Hierarchy:
    (root / "cgroup.controllers").write_text("cpu memory pids\n")
    (root / "cgroup.subtree_control").write_text("")
    return cgroups.Hierarchy(2, (("", str(root)),))


def split(root: Path) -> cgroups.Hierarchy:
    mounts = []
    for name in ("cpu", "cpuacct", "memory"):
        (root / name).mkdir()
        mounts.append((name, str(root / name)))
    return cgroups.Hierarchy(1, tuple(mounts))


def test_version_2_delegates_limits_and_says_where_to_join(tmp_path: Path) -> None:
    hierarchy = unified(tmp_path)
    joins = cgroups.create(hierarchy, "b/pod/c1", LIMITS)
    assert joins == [str(tmp_path / "b/pod/c1/cgroup.procs")]
    group = tmp_path / "b/pod/c1"
    assert (group / "memory.max").read_text() == str(64 << 20)
    assert (group / "cpu.max").read_text() == "50000 100000"
    assert (group / "cpu.weight").read_text() == str(cgroups.v2_weight(512))
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_version_1_writes_into_each_controller(tmp_path: Path) -> None:
    joins = cgroups.create(split(tmp_path), "b/c1", LIMITS)
    assert joins == [str(tmp_path / name / "b/c1/cgroup.procs") for name in ("cpu", "cpuacct", "memory")]
    assert (tmp_path / "memory/b/c1/memory.limit_in_bytes").read_text() == str(64 << 20)
    assert (tmp_path / "cpu/b/c1/cpu.cfs_quota_us").read_text() == "50000"
    assert (tmp_path / "cpu/b/c1/cpu.shares").read_text() == "512"


@pytest.mark.parametrize(("kills", "expected"), [(0, False), (2, True)])
def test_out_of_memory_is_read_from_either_version(tmp_path: Path, kills: int, expected: bool) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "one").mkdir()
    two, one = unified(tmp_path / "two"), split(tmp_path / "one")
    for hierarchy, folder, file in ((two, "two", "memory.events"), (one, "one/memory", "memory.oom_control")):
        (tmp_path / folder / "g").mkdir(parents=True)
        (tmp_path / folder / "g" / file).write_text(f"low 0\noom {kills}\noom_kill {kills}\n")
        assert cgroups.was_out_of_memory(hierarchy, "g") is expected


def test_usage_of_either_version(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "one").mkdir()
    two, one = unified(tmp_path / "two"), split(tmp_path / "one")
    (tmp_path / "two/g").mkdir()
    (tmp_path / "two/g/cpu.stat").write_text("usage_usec 1500\nuser_usec 1000\n")
    (tmp_path / "two/g/memory.current").write_text("4096\n")
    assert cgroups.usage(two, "g") == (1_500_000, 4096)
    for folder, file, value in (("cpuacct", "cpuacct.usage", "77"), ("memory", "memory.usage_in_bytes", "8192")):
        (tmp_path / "one" / folder / "g").mkdir()
        (tmp_path / "one" / folder / "g" / file).write_text(value)
    assert cgroups.usage(one, "g") == (77, 8192)


def test_members_are_those_of_the_group_and_below(tmp_path: Path) -> None:
    hierarchy = unified(tmp_path)
    (tmp_path / "g/inner").mkdir(parents=True)
    (tmp_path / "g/cgroup.procs").write_text("12\n")
    (tmp_path / "g/inner/cgroup.procs").write_text("7\n12\n")
    assert cgroups.members(hierarchy, "g") == [7, 12]


@pytest.mark.parametrize(
    ("mounts", "version"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", 2),
        ("cg /c/memory cgroup rw,memory 0 0\ncgroup2 /c/unified cgroup2 rw 0 0\n", 1),
        ("tmpfs /tmp tmpfs rw 0 0\n", 0),
    ],
)
def test_the_machine_is_recognised(mounts: str, version: int) -> None:
    assert cgroups.parse_mounts(mounts).version == version
