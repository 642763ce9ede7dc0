"""How a node becomes one: with a bootstrap token and the CA's pin it asks a bridgehead for a certificate.

The only call of a node that is not over mutual TLS. The node's key never leaves it. The bridgehead asks the API,
which decides; the node itself never speaks to the API server.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bascule.bridge.identity import certificates, faults, files, nodes

TIMEOUT_SECONDS = 20.0


class JoinError(Exception):
    """The node has not joined; the text says why and what to do. `exit_code` tells an operator's script."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


UNREACHABLE, NOT_TRUSTED, DENIED = 3, 4, 5


@dataclass(frozen=True)
class Joined:
    """The identity is on disk; `bridge` are the addresses to dial."""

    identity: nodes.NodeIdentity
    bridge: list[str]


async def join(
    bridge: Sequence[str],
    node: str,
    token: str,
    directory: Path,
    *,
    ca_pin: str = "",
    ca: Path | None = None,
    join_address: str = "",
    lifetime_seconds: int = 0,
) -> Joined:
    """`bridge` are the bridgeheads' addresses ("host:port"); joining is asked for on the port beside, unless
    `join_address` says where. Trust comes from `ca` (a file) or `ca_pin` ("sha256:<hex>" of its public key).
    Writes node.key, node.crt, ca.crt and bridge.json into `directory`, replacing an expired certificate; nothing is
    changed when it fails. `lifetime_seconds` asks for a certificate of that life. Raises JoinError."""
    if not token:
        raise JoinError("this node has not joined yet: it needs a token, see `bascule token`", exit_code=2)
    if ca is None and not ca_pin:
        raise JoinError("a node that joins needs --ca-hash or --ca-file to know the installation by", exit_code=2)
    candidates = [join_address] if join_address else [beside(address) for address in bridge]
    failure = JoinError("no bridgehead to join at was named", exit_code=2)
    for address in candidates:
        try:
            return await _join_at(address, node, token, directory, ca_pin, ca, lifetime_seconds)
        except JoinError as error:
            failure = error
            if error.exit_code != UNREACHABLE:
                break
    raise failure


def beside(address: str) -> str:
    """Where joining is served, given where nodes dial."""
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + 1}"


async def _join_at(
    address: str, node: str, token: str, directory: Path, ca_pin: str, ca: Path | None, lifetime_seconds: int
) -> Joined:
    base = f"https://{address}"
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            ca_pem = files.read(ca) if ca is not None else await _fetch_ca(base, ca_pin)
            key = nodes.ensure_key(directory)
            body: dict[str, Any] = {"node": node, "token": token, "request": nodes.request(key, node).decode()}
            if lifetime_seconds:
                body["lifetime_seconds"] = lifetime_seconds
            answer = await _ask(base, ca_pem, body)
            files.write(directory / "ca.crt", ca_pem)
            identity = nodes.save(directory, str(answer["certificate"]).encode())
            learned = [str(part) for part in answer.get("bridge") or []]
            files.write(directory / "bridge.json", json.dumps({"addresses": learned}).encode())
            return Joined(identity, learned)
    except TimeoutError as error:
        raise JoinError(
            f"{address} does not answer; check the address and the network", exit_code=UNREACHABLE
        ) from error
    except aiohttp.ClientSSLError as error:
        raise JoinError(
            f"{address} is not of the installation this CA belongs to: {error}", exit_code=NOT_TRUSTED
        ) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise JoinError(f"{address} cannot be reached: {error}", exit_code=UNREACHABLE) from error
    except (OSError, faults.IdentityError, KeyError) as error:
        raise JoinError(f"the certificate cannot be stored: {error}", exit_code=1) from error


async def _fetch_ca(base: str, pin: str) -> bytes:
    """The CA certificate, from a server not trusted yet: the pin is what makes it trusted."""
    async with aiohttp.ClientSession() as session, session.get(f"{base}/join/ca", ssl=False) as response:
        pem = await response.read()
    try:
        found = certificates.pin(certificates.load(pem, source="the CA that the bridgehead shows"))
    except faults.IdentityError as error:
        raise JoinError(str(error), exit_code=NOT_TRUSTED) from error
    if found != (pin if pin.startswith("sha256:") else f"sha256:{pin}"):
        raise JoinError(
            f"the bridgehead shows a CA with hash {found}, expected {pin}: it is another installation, or somebody "
            "in between; nothing was sent to it",
            exit_code=NOT_TRUSTED,
        )
    return pem


async def _ask(base: str, ca_pem: bytes, body: dict[str, Any]) -> dict[str, Any]:
    context = ssl.create_default_context(cadata=ca_pem.decode())
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{base}/join", json=body, ssl=context) as response,
    ):
        answer: dict[str, Any] = await response.json()
        if response.status != 200:
            later = response.status in (502, 503, 504)
            code = UNREACHABLE if later else DENIED
            raise JoinError(str(answer.get("message") or response.reason), exit_code=code)
    return answer
