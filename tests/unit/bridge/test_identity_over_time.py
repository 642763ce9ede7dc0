"""A node's certificate: renewed at half its life over the bridge, and outlived by what runs when it cannot be."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from bascule.bridge import renewing
from bascule.bridge.identity import authority, certificates, requests
from bascule.data.ledger.ledger import Ledger
from bascule.vocabulary import clock as clocks
from tests import waiting
from tests.unit.bridge import fakes


class Signing(fakes.Host):
    asked: int | None = None

    async def renew(self, node: str, request_pem: bytes, lifetime_seconds: int | None) -> bytes:
        assert self.ca is not None
        self.asked = lifetime_seconds
        request: x509.CertificateSigningRequest = requests.load(request_pem)
        return authority.sign(self.ca, request, usages=["client"], lifetime_seconds=86_400, clock=clocks.SystemClock())


async def test_renewed_at_half_life(tmp_path: Path) -> None:
    installation = fakes.Installation(tmp_path)
    past = clocks.ManualClock(clocks.SystemClock().now() - timedelta(days=300))
    credentials = installation.node("n1", clock=past)
    before = certificates.load(credentials.certificate.read_bytes())
    ledger = Ledger.open(":memory:")
    host = Signing(ca=installation.ca)
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, credentials, ledger, fakes.Agent()) as node,
    ):
        await waiting.until(lambda: credentials.certificate.read_bytes() != certificates.pem(before))
        after = certificates.load(credentials.certificate.read_bytes())
        assert after.public_key() == before.public_key()
        assert node.status.certificate_expires == after.not_valid_after_utc
        # The outage declared is seven days: at the last moment before the next renewal more than that is left.
        assert host.asked is not None
        assert host.asked / 2 > renewing.OFFLINE_GRACE_SECONDS == 7 * 86_400
    ledger.close()


async def test_a_certificate_too_short_for_the_outage_declared_is_lengthened_once(tmp_path: Path) -> None:
    installation = fakes.Installation(tmp_path)
    credentials = installation.node("n1")
    before = credentials.certificate.read_bytes()
    clock = clocks.ManualClock(clocks.SystemClock().now())
    host, channel = Signing(ca=installation.ca), _Channel()
    channel.host = host
    year = renewing.Renewing("n1", credentials, 365 * 86_400, clock)
    task = asyncio.create_task(year.run(channel, lambda expires: None))
    try:
        await waiting.until(lambda: credentials.certificate.read_bytes() != before)
        await clock.advance(3600)
        assert (channel.calls, host.asked) == (1, renewing.lifetime_seconds(365 * 86_400))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Channel:
    """The bridge's, reduced to renewal."""

    calls = 0
    host: Signing

    def unary_unary(self, method: str) -> Any:
        async def renew(request: bytes, *, timeout: float, metadata: tuple[tuple[str, str], ...]) -> bytes:
            self.calls += 1
            return await self.host.renew("n1", request, int(dict(metadata)[renewing.LIFETIME_METADATA]))

        return renew


async def test_an_expired_certificate_is_said_and_ends_nothing(tmp_path: Path) -> None:
    installation = fakes.Installation(tmp_path)
    past = clocks.ManualClock(clocks.SystemClock().now() - timedelta(days=400))
    credentials = installation.node("n1", clock=past)
    ledger, host = Ledger.open(":memory:"), fakes.Host()
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, credentials, ledger, fakes.Agent()) as node,
    ):
        await waiting.until(lambda: "expired" in node.status.problem)
        assert "workloads go on" in node.status.problem
        assert not host.streams
        fresh = installation.node("n1")  # joined again meanwhile: the running node takes it up by itself
        assert fresh == credentials
        await waiting.until(lambda: host.streams)
    ledger.close()
