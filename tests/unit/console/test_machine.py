"""What a machine has and lacks: looking finds programs, says what each lack costs, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bascule.console.local import machine

PROGRAMS = ("containerd", "runc", "nft", "ip", "nsenter", "busybox")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it; gives the directory where programs would be."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(machine, "SEARCH_PATH", str(folder))
    monkeypatch.setattr(machine, "CNI_DIRECTORIES", (tmp_path / "cni",))
    monkeypatch.setattr(machine, "ENGINES", tmp_path / "engines")
    return folder


def provide(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch(mode=0o755)


def found() -> dict[str, machine.Finding]:
    return {finding.name: finding for finding in machine.findings()}


def test_each_lack_has_a_cost_and_a_remedy(bare: Path) -> None:
    lacking = [finding for finding in machine.findings() if not finding.present]
    assert {finding.name for finding in lacking} >= {*PROGRAMS, "cni-plugins", "envoy", "kubectl"}
    assert all(finding.cost and finding.remedy and finding.detail for finding in lacking)
    assert not machine.containerd_ready()


def test_programs_are_found_where_they_are(bare: Path) -> None:
    provide(bare, *PROGRAMS, "kubectl", "envoy")
    provide(bare.parent / "cni", "ptp")
    seen = found()
    assert all(seen[name].present and seen[name].detail == str(bare / name) for name in (*PROGRAMS, "kubectl", "envoy"))
    assert seen["cni-plugins"].present


@pytest.mark.parametrize("lack", [*PROGRAMS, "ptp", "namespaces"])
def test_containers_need_every_part(bare: Path, lack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "can_make_namespaces", lambda: lack != "namespaces")
    provide(bare, *(name for name in PROGRAMS if name != lack))
    provide(bare.parent / "cni", *(["ptp"] if lack != "ptp" else []))
    assert not machine.containerd_ready()
    provide(bare, *PROGRAMS)
    provide(bare.parent / "cni", "ptp")
    assert machine.containerd_ready() is (lack != "namespaces")


def test_missing_packages_are_named_once(bare: Path) -> None:
    packages = machine.missing_packages()
    assert {"containerd", "runc", "nftables", "iproute2", "util-linux", "containernetworking-plugins"} <= set(packages)
    assert len(set(packages)) == len(packages)
    provide(bare, *PROGRAMS)
    provide(bare.parent / "cni", "ptp")
    assert set(machine.missing_packages()) <= {"busybox-static"}


def test_without_root_nothing_is_installed_by_the_packager(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "is_root", lambda: False)
    provide(bare, "envoy", "apt-get")
    said: list[str] = []
    assert machine.install(said.append) == []
    assert said == []


def test_our_own_envoy_is_found_when_the_machine_has_none(bare: Path) -> None:
    folder = machine.ENGINES / "lib" / "python3.11" / "site-packages" / "envoy" / "_bin"
    provide(folder, "envoy")
    assert machine.envoy_binary() == str(folder / "envoy")
    provide(bare, "envoy")
    assert machine.envoy_binary() == str(bare / "envoy")
