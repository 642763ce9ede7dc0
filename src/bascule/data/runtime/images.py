"""Makes container images without a registry or a builder: an OCI archive from files, in pure Python.

The archive is deterministic: the same files give the same digests. `containerd` imports it under its name.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bascule.data.runtime import contract

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
APPLETS = (
    "sh", "cat", "echo", "env", "date", "false", "grep", "head", "hostname", "httpd", "id", "ip", "kill", "ln",
    "ls", "mkdir", "mount", "nc", "nslookup", "ping", "printf", "ps", "pwd", "rm", "sed", "sleep", "stat", "stty",
    "tail", "tar", "test", "touch", "tr", "true", "udhcpc", "vi", "wc", "wget", "whoami", "yes",
)  # fmt: skip


def static_binary(name: str) -> Path:
    """Where a program is on this machine; RuntimeFault if it is missing."""
    found = shutil.which(name)
    if found is None:
        raise contract.RuntimeFault(
            "ErrImagePull", f"{name} is not installed; on Debian: apt-get install {name}-static"
        )
    return Path(found)


def full_name(name: str) -> str:
    """`web` is docker.io/library/web:latest to every runtime."""
    registry, slash, rest = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in registry and ":" not in registry and registry != "localhost":
        name = f"docker.io/{registry}/{rest}"
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else f"{name}:latest"


def _layer(files: Mapping[str, Path | bytes], links: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders: set[str] = {"tmp", "proc", "sys", "dev", "etc"}
        for path in (*files, *links):
            parts = path.strip("/").split("/")[:-1]
            folders |= {"/".join(parts[: depth + 1]) for depth in range(len(parts))}
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path, content in sorted(files.items()):
            data = content.read_bytes() if isinstance(content, Path) else content
            runs = isinstance(content, Path) and content.stat().st_mode & 0o111
            entry = tarfile.TarInfo(path.strip("/"))
            entry.size, entry.mode = len(data), 0o755 if runs else 0o644
            tar.addfile(entry, io.BytesIO(data))
        for path, target in sorted(links.items()):
            entry = tarfile.TarInfo(path.strip("/"))
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            tar.addfile(entry)
    return out.getvalue()


def build(
    archive: Path,
    name: str,
    files: Mapping[str, Path | bytes],
    *,
    links: Mapping[str, str] | None = None,
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    user: str = "",
) -> str:
    """Write the archive; returns the manifest's digest. Files taken from a path keep whether they run."""
    import platform

    layer = _layer(files, links or {})
    variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} | dict(env or {})
    settings: dict[str, object] = {"Env": [f"{key}={value}" for key, value in variables.items()]}
    settings |= {"Entrypoint": list(entrypoint)} if entrypoint else {}
    settings |= {"Cmd": list(command)} if command else {}
    settings |= {"User": user} if user else {}
    blobs: dict[str, bytes] = {}

    def blob(kind: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    config = {
        "architecture": MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created_by": "bascule"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": [blob("layer.v1.tar", layer)],
    }
    described = blob("manifest.v1+json", json.dumps(manifest).encode())
    described["annotations"] = {
        "io.containerd.image.name": full_name(name),
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
    }
    index = {"schemaVersion": 2, "manifests": [described]}
    with tarfile.open(archive, "w") as tar:
        documents = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
        documents |= {f"blobs/sha256/{digest}": data for digest, data in blobs.items()}
        for path, data in documents.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return str(described["digest"])


def busybox(archive: Path, name: str, extra: Mapping[str, Path | bytes] | None = None) -> str:
    """An image of the local static busybox with its usual commands; starts a shell."""
    files: dict[str, Path | bytes] = {
        "/bin/busybox": static_binary("busybox"),
        "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        "/etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    }
    links = {f"/bin/{applet}": "busybox" for applet in APPLETS}
    return build(archive, name, files | dict(extra or {}), links=links, command=("/bin/sh",))


async def import_into_node(data_dir: Path, node: str, archive: Path) -> None:
    """Give the archive's images to the containerd of a node that runs on this machine."""
    from bascule.data.runtime.containerd.engine import Engine

    await Engine(data_dir.resolve() / "nodes" / node / "containerd", "").import_images(archive)  # noqa: ASYNC240


def main() -> None:
    """`python -m bascule.data.runtime.images import …`: an archive, or files made into an image on the spot."""
    parser = argparse.ArgumentParser("bascule images")
    commands = parser.add_subparsers(dest="verb", required=True)
    verb = commands.add_parser("import", help="make an image known to a node")
    verb.add_argument("--data-dir", type=Path, required=True)
    verb.add_argument("--node-name", required=True)
    verb.add_argument("--archive", type=Path, help="an OCI or docker archive; or else make one:")
    verb.add_argument("--name", default="", help="the image's name")
    verb.add_argument("--file", action="append", default=[], metavar="SOURCE:PATH", help="a file of the image")
    chosen = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            archive = chosen.archive
            if archive is None:
                pairs = [item.rpartition(":")[::2] for item in chosen.file]
                if not chosen.name or not pairs:
                    parser.error("give --archive, or --name and at least one --file")
                archive = Path(folder) / "image.tar"
                build(archive, chosen.name, {path: Path(source) for source, path in pairs})
            asyncio.run(import_into_node(chosen.data_dir, chosen.node_name, archive))
    except (contract.RuntimeFault, OSError) as error:
        sys.exit(f"the image was not imported: {error}")


if __name__ == "__main__":
    main()
