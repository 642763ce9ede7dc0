"""A data directory's identities: complete, private, kept, renewed at half their life."""

import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from bascule.bridge.identity import authority, certificates, faults, kubeconfig, making, nodes, pki, requests
from bascule.vocabulary import clock


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_a_fresh_directory_gets_everything(tmp_path: Path) -> None:
    made = pki.ensure(tmp_path, clock=clock.ManualClock(), names=["api.example.com", "192.0.2.1"])
    ca = made.load_authority()
    certificate = certificates.load(made.api_serving[0].read_bytes())
    names = set(certificates.alternative_names(certificate))
    wanted = {"127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
    assert wanted | {"kubernetes.default.svc.cluster.local", "10.96.0.1", "api.example.com", "192.0.2.1"} <= names
    assert certificates.issued_by(certificate, ca.certificate)
    users = {}
    for component in pki.COMPONENTS:
        held = kubeconfig.read(made.component_kubeconfig(component))
        assert held.server == "https://127.0.0.1:6443"
        users[component] = certificates.subject(certificates.load(held.cert_pem).subject).common_name
    assert users == pki.COMPONENTS
    admin = certificates.load(kubeconfig.read(made.admin_kubeconfig).cert_pem)
    assert certificates.subject(admin.subject).organizations == ("system:masters",)
    assert made.load_service_account_keys().jwks()["keys"][0]["kty"] == "EC"


def test_private_files_are_private(tmp_path: Path) -> None:
    pki.ensure(tmp_path, clock=clock.ManualClock())
    for path in tmp_path.rglob("*"):
        if path.suffix in (".key", ".kubeconfig"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_existing_files_are_kept(tmp_path: Path) -> None:
    pki.ensure(tmp_path, clock=clock.ManualClock())
    before = contents(tmp_path)
    pki.ensure(tmp_path, clock=clock.ManualClock())
    assert contents(tmp_path) == before


def test_what_is_sealed_is_not_examined_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pki.ensure(tmp_path, clock=clock.ManualClock(), names=["a.example.com"])
    monkeypatch.setattr(making, "ensure", lambda *_, **__: pytest.fail("examined"))
    server = "https://127.0.0.1:7000"
    for _ in range(2):
        pki.ensure(tmp_path, clock=clock.ManualClock(), names=["a.example.com"], server=server)
        assert kubeconfig.read(made.admin_kubeconfig).server == server
    wanted: Any = {"clock": clock.ManualClock(), "service_range": "10.96.0.0/16"}
    assert pki.is_sealed(tmp_path, names=["a.example.com"], **wanted)
    assert not pki.is_sealed(tmp_path, names=["b.example.com"], **wanted)
    for path in made.files():
        kept = path.read_bytes()
        path.write_bytes(kept + b" ")
        assert not pki.is_sealed(tmp_path, names=["a.example.com"], **wanted), path
        path.write_bytes(kept)
    assert pki.is_sealed(tmp_path, names=["a.example.com"], **wanted)
    for text in (b"", b"nonsense", b"[]", b"{}", b'{"digest":"","until":1e300}', b'{"digest":"","until":"tomorrow"}'):
        (made.directory / ".sealed").write_bytes(text)
        assert not pki.is_sealed(tmp_path, names=["a.example.com"], **wanted), text


@pytest.mark.parametrize("text", [b"", b"nonsense"])
def test_a_damaged_key_for_tokens_is_an_error(tmp_path: Path, text: bytes) -> None:
    made = pki.ensure(tmp_path, clock=clock.ManualClock())
    made.service_account_key.write_bytes(text)
    with pytest.raises(faults.IdentityError, match=r"sa\.key"):
        pki.ensure(tmp_path, clock=clock.ManualClock())


async def test_renewed_when_half_of_life_is_over(tmp_path: Path) -> None:
    time = clock.ManualClock()
    made = pki.ensure(tmp_path, clock=time)
    before = contents(tmp_path)
    await time.advance(authority.COMPONENT_LIFETIME_SECONDS / 2 + 1)
    pki.ensure(tmp_path, clock=time)
    after = contents(tmp_path)
    assert after[str(made.api_serving[0])] != before[str(made.api_serving[0])]
    assert after[str(made.admin_kubeconfig)] != before[str(made.admin_kubeconfig)]
    for kept in (made.ca, made.ca_key, made.service_account_key):
        assert after[str(kept)] == before[str(kept)]


def test_a_changed_address_changes_only_what_names_it(tmp_path: Path) -> None:
    made = pki.ensure(tmp_path, clock=clock.ManualClock())
    held = kubeconfig.read(made.admin_kubeconfig)
    serving = made.api_serving[0].read_bytes()
    pki.ensure(tmp_path, clock=clock.ManualClock(), server="https://127.0.0.1:7000", names=["new.example.com"])
    assert kubeconfig.read(made.admin_kubeconfig) == held._replace(server="https://127.0.0.1:7000")
    assert made.api_serving[0].read_bytes() != serving


def test_an_interrupted_start_is_repaired(tmp_path: Path) -> None:
    made = pki.ensure(tmp_path, clock=clock.ManualClock())
    key = made.ca_key.read_bytes()
    made.ca.unlink()
    made.api_serving[0].unlink()
    pki.ensure(tmp_path, clock=clock.ManualClock())
    assert made.ca_key.read_bytes() == key
    certificate = certificates.load(made.api_serving[0].read_bytes())
    assert certificates.issued_by(certificate, made.load_authority().certificate)


def test_a_lost_ca_key_is_an_error_not_a_new_ca(tmp_path: Path) -> None:
    made = pki.ensure(tmp_path, clock=clock.ManualClock())
    made.ca_key.unlink()
    with pytest.raises(faults.IdentityError, match=r"ca\.key is missing"):
        pki.ensure(tmp_path, clock=clock.ManualClock())


def test_tls_accepts_the_pair(tmp_path: Path) -> None:
    made = pki.ensure(tmp_path, clock=clock.SystemClock())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*made.api_serving)
    client = ssl.create_default_context(cafile=str(made.ca))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    _handshake(client, server)


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """A TLS handshake in memory; raises when either side refuses."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = True
    for _ in range(10):
        waiting = False
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                waiting = True
        if not waiting:
            return
    raise AssertionError("the handshake did not end")


def test_node_identity_on_disk(tmp_path: Path) -> None:
    time = clock.ManualClock()
    ca = authority.create("ca", clock=time)
    assert nodes.load(tmp_path) is None
    key = nodes.ensure_key(tmp_path)
    assert certificates.key_pem(nodes.ensure_key(tmp_path)) == certificates.key_pem(key)
    signed = authority.sign(
        ca, requests.load(nodes.request(key, "n1")), usages=["client"], lifetime_seconds=600, clock=time
    )
    held = nodes.save(tmp_path, signed)
    assert held.node == "n1"
    assert nodes.load(tmp_path) == held
    assert not held.needs_renewal(time)
    other = authority.issue(ca, "system:node:n1", [nodes.GROUP], usages=["client"], clock=time)
    with pytest.raises(faults.IdentityError, match="another key"):
        nodes.save(tmp_path, other.certificate_pem)
    assert nodes.load(tmp_path) == held


def test_requests_are_checked() -> None:
    for pem in (b"", b"nonsense", b"x" * 20_000, b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"):
        with pytest.raises(faults.IdentityError):
            requests.load(pem)
