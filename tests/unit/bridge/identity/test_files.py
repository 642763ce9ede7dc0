"""Identity files are whole or absent, and never readable by others."""

import os
import stat
from pathlib import Path

import pytest

from bascule.bridge.identity import faults, files, kubeconfig


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.key"
    files.write_key(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_key(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.key"]


def test_a_replaced_key_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.key"
    files.write(path, b"public by mistake")
    files.write_key(path, b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_missing_files_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(faults.IdentityError, match="bascule up"):
        files.read(tmp_path / "ca.crt")


def test_kubeconfigs_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.kubeconfig"
    kubeconfig.write(path, "https://h:1", b"ca", b"cert", b"key")
    assert kubeconfig.read(path) == ("https://h:1", b"ca", b"cert", b"key")
    path.write_text("apiVersion: v1\n")
    with pytest.raises(faults.IdentityError, match="not a kubeconfig"):
        kubeconfig.read(path)
