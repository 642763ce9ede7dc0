"""A node's certificate: renewed at half its life over the bridge, and outlived by what runs when it cannot be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography import x509

from bascule.bridge.identity import authority, certificates, requests
from bascule.data.ledger.ledger import Ledger
from bascule.vocabulary import clock as clocks
from tests import waiting
from tests.unit.bridge import fakes


class Signing(fakes.Host):
    async def renew(self, node: str, request_pem: bytes) -> bytes:
        assert self.ca is not None
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
    ledger.close()


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
