"""Prepares a pod's volumes on disk and says what each container mounts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bascule.data.agent.pods import environment, model
from bascule.data.agent.pods.fields import Addresses
from bascule.data.agent.sources import ConfigFault, Sources
from bascule.data.agent.volumes import payload, writer
from bascule.data.runtime import contract
from bascule.vocabulary import quantity
from bascule.vocabulary.objects import Object


class Volumes:
    """One pod's volumes under `directory` (the pod's own, on the node)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, volume: dict[str, Any]) -> Path:
        """Where the volume's content is on the node."""
        if host := volume.get("hostPath"):
            return Path(host["path"])
        return self.directory / "volumes" / str(volume["name"])

    def prepare(self, pod: Object, sources: Sources, addresses: Addresses) -> None:
        """Make or refresh every volume; ConfigFault where one cannot be."""
        group = (model.spec(pod).get("securityContext") or {}).get("fsGroup")
        for volume in model.spec(pod).get("volumes") or ():
            try:
                self._prepare(volume, pod, sources, addresses, group)
            except ConfigFault as fault:
                message = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {fault.message}'
                raise ConfigFault(message, reason=model.FAILED_MOUNT, awaited=fault.awaited) from fault

    def _prepare(
        self, volume: dict[str, Any], pod: Object, sources: Sources, addresses: Addresses, group: int | None
    ) -> None:
        path = self.path(volume)
        if "hostPath" in volume:
            _check_host_path(volume["hostPath"])
        elif any(volume.get(kind) is not None for kind in payload.KINDS):
            writer.write(path, payload.payload(volume, pod, sources, addresses), group=group)
        elif "emptyDir" in volume or set(volume) == {"name"}:
            _empty_directory(path, volume.get("emptyDir") or {}, group)
        else:
            kind = next(iter(set(volume) - {"name"}), "")
            raise ConfigFault(f"{kind} is not supported on this node")

    def refresh(self, pod: Object, sources: Sources, addresses: Addresses) -> None:
        """Bring changed ConfigMaps, Secrets and tokens into running pods; what is missing keeps its last content."""
        group = (model.spec(pod).get("securityContext") or {}).get("fsGroup")
        for volume in model.spec(pod).get("volumes") or ():
            path = self.path(volume)
            if path.is_dir() and any(volume.get(kind) is not None for kind in payload.KINDS):
                try:
                    writer.write(path, payload.payload(volume, pod, sources, addresses), group=group)
                except ConfigFault:
                    continue

    def mounts(self, pod: Object, container: model.Spec, variables: dict[str, str]) -> list[contract.Mount]:
        volumes = {volume["name"]: volume for volume in model.spec(pod).get("volumes") or ()}
        out = []
        for mount in container.get("volumeMounts") or ():
            volume = volumes.get(mount["name"])
            if volume is None:
                raise ConfigFault(f"volume {mount['name']} is mounted but not declared")
            source = self.path(volume)
            sub = environment.expand(mount.get("subPathExpr") or "", variables) or mount.get("subPath") or ""
            if sub:
                source = _inside(source, sub)
            out.append(
                contract.Mount(
                    str(source),
                    mount["mountPath"],
                    read_only=bool(mount.get("readOnly")),
                    propagation=mount.get("mountPropagation") or "None",
                )
            )
        return out

    def remove(self) -> None:
        """Unmount what is memory, remove the rest; host paths are not ours."""
        root = self.directory / "volumes"
        if root.is_dir():
            for path in root.iterdir():
                if os.path.ismount(path):
                    subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def _inside(base: Path, sub: str) -> Path:
    """A subPath, created if missing, that cannot leave its volume, not even through a link."""
    if sub.startswith("/") or ".." in sub.split("/"):
        raise ConfigFault(f"subPath {sub!r} leaves its volume")
    path = base / sub
    if not path.exists():
        path.mkdir(parents=True, exist_ok=True)
    if not path.resolve().is_relative_to(base.resolve()):
        raise ConfigFault(f"subPath {sub!r} leaves its volume through a link")
    return path.resolve()


def _empty_directory(path: Path, settings: dict[str, Any], group: int | None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if settings.get("medium") == "Memory" and os.geteuid() == 0 and not os.path.ismount(path):
        limit = f",size={quantity.to_int(str(settings['sizeLimit']))}" if settings.get("sizeLimit") else ""
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"mode=0777{limit}", "tmpfs", str(path)],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            raise ConfigFault(f"cannot mount memory at {path}: {done.stderr.decode().strip()}")
    path.chmod(0o777)
    if group is not None and os.geteuid() == 0:
        os.chown(path, -1, group)
        path.chmod(0o2777)


def _check_host_path(source: dict[str, Any]) -> None:
    path, kind = Path(source["path"]), source.get("type") or ""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch(exist_ok=True)
    tests = {"Directory": path.is_dir, "File": path.is_file, "Socket": path.is_socket}
    tests |= {"CharDevice": path.is_char_device, "BlockDevice": path.is_block_device}
    if kind in tests and not tests[kind]():
        raise ConfigFault(f"hostPath type check failed: {path} is not a {kind.lower()}")
