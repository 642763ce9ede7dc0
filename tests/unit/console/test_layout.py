"""The data directory: choices are found again, and what cannot be read is refused with what to do."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from bascule.console.local.layout import VERSION, Installation, Layout, LayoutError, Node

INSTALLATION = Installation(
    runtime="process",
    nodes=(Node("node-1", "zone-1"), Node("node-2", "zone-2", "10.88.0.12", "ns")),
    api_port=6443,
    admin_ports={"scheduler": 1},
    bridge_port=2,
    tunnel_port=3,
    service_cidr="10.96.0.0/16",
    cluster_cidr="10.244.0.0/16",
    dns_address="10.96.0.10",
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "data")
    made.prepare()
    return made


def test_choices_are_found_again(layout: Layout) -> None:
    assert layout.load() is None
    layout.save(INSTALLATION)
    assert layout.load() == INSTALLATION
    assert [path.name for path in layout.data_dir.glob("installation*")] == ["installation.json"]


def test_directories_are_private_and_made_once(layout: Layout) -> None:
    layout.prepare()
    for path in (layout.data_dir, layout.logs, layout.run):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_newer_version_is_refused(layout: Layout) -> None:
    layout.save(dataclasses.replace(INSTALLATION, version=VERSION + 1))
    with pytest.raises(LayoutError, match="made by a newer Bascule") as refused:
        layout.load()
    assert f"layout {VERSION + 1}, this one knows {VERSION}" in str(refused.value)
    assert "--data-dir" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"version": 1, "nodes": [], "unknown": 1}),
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"version": 1}',
        '{"version": "1", "nodes": []}',
        '{"version": 1, "nodes": [{}]}',
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_guessed(layout: Layout, content: str) -> None:
    layout.installation_file.write_text(content)
    with pytest.raises(LayoutError, match="cannot be read") as refused:
        layout.load()
    assert str(layout.installation_file) in str(refused.value)
    assert layout.installation_file.read_text() == content


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LayoutError, match="Choose a directory you may write with --data-dir"):
        Layout(tmp_path / "file" / "data").prepare()


def test_two_installations_have_different_tags(tmp_path: Path) -> None:
    assert Layout(tmp_path / "a").tag != Layout(tmp_path / "b").tag
    assert Layout(tmp_path / "a").tag == Layout(tmp_path / "x" / ".." / "a").tag


def test_addresses() -> None:
    assert INSTALLATION.bind_addresses == ("127.0.0.1",)
    assert INSTALLATION.bridge_address == "127.0.0.1:2"
    rooted = dataclasses.replace(INSTALLATION, gateway="10.88.0.1")
    assert rooted.bind_addresses == ("127.0.0.1", "10.88.0.1")
    assert rooted.bridge_address == "10.88.0.1:2"
