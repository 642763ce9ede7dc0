"""Nodes' certificates: who gets one without a human, who does not, and what is in it."""

import base64
from collections.abc import Sequence

import pytest

from bascule.bridge.identity import authority, certificates, nodes, requests
from bascule.control.access import signers, signing
from bascule.vocabulary import clock, objects
from tests.unit.control.access import world

TIME = clock.ManualClock()
CA = authority.create("ca", clock=TIME)
BOOTSTRAPPERS = ["system:bootstrappers", "system:authenticated"]


def csr(
    common_name: str = "system:node:n1",
    organizations: Sequence[str] = ("system:nodes",),
    *,
    username: str = "system:bootstrap:abcdef",
    groups: Sequence[str] = BOOTSTRAPPERS,
    key: object = None,
    **spec: object,
) -> objects.Object:
    pem = requests.create(key or certificates.new_key(), common_name, organizations)  # type: ignore[arg-type]
    return {
        "metadata": {"name": "csr-1"},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": signers.KUBELET_CLIENT,
            "usages": ["digital signature", "client auth"],
            "username": username,
            "groups": list(groups),
            **spec,
        },
    }


@pytest.fixture
def held() -> world.DictReader:
    held = world.DictReader()
    secret = world.named("bootstrap-token-abcdef", "kube-system")
    secret["metadata"]["annotations"] = {"bascule.dev/single-use": "true"}
    held.put("", "secrets", secret)
    return held


def conditions(obj: objects.Object) -> list[str]:
    return [condition["type"] for condition in obj["status"].get("conditions") or ()]


def test_a_joining_node_gets_its_certificate(held: world.DictReader) -> None:
    asked = csr()
    use = signing.process(asked, held, CA, TIME, cluster="root")
    certificate = certificates.load(base64.b64decode(asked["status"]["certificate"]))
    assert conditions(asked) == ["Approved"]
    assert nodes.node_name(certificates.subject(certificate.subject)) == "n1"
    assert certificates.issued_by(certificate, CA.certificate)
    life = certificate.not_valid_after_utc - TIME.now()
    assert life.total_seconds() == authority.NODE_LIFETIME_SECONDS
    assert use is not None
    assert use.value.startswith("n1 ")


@pytest.mark.parametrize(
    ("asked_days", "granted_days"), [(15, 15), (60, 60), (4000, authority.NODE_LIFETIME_SECONDS_MAX // 86_400)]
)
def test_a_node_says_how_long_it_must_last_up_to_a_bound(
    held: world.DictReader, asked_days: int, granted_days: int
) -> None:
    asked = csr(expirationSeconds=asked_days * 86_400)
    signing.process(asked, held, CA, TIME, cluster="root")
    certificate = certificates.load(base64.b64decode(asked["status"]["certificate"]))
    assert (certificate.not_valid_after_utc - TIME.now()).days == granted_days


def test_a_single_use_token_is_good_for_one_node_and_its_retry(held: world.DictReader) -> None:
    key = certificates.new_key()
    use = signing.process(csr(key=key), held, CA, TIME, cluster="root")
    assert use is not None
    used = objects.deep_copy(use.secret)
    used["metadata"]["annotations"][use.key] = use.value
    held.put("", "secrets", used)
    again, other, thief = csr(key=key), csr("system:node:n2"), csr()
    for asked in (again, other, thief):
        signing.process(asked, held, CA, TIME, cluster="root")
    assert conditions(again) == ["Approved"]
    for asked in (other, thief):
        assert conditions(asked) == ["Denied"]
        assert "already used by node n1" in asked["status"]["conditions"][0]["message"]
        assert "certificate" not in asked["status"]


def test_a_node_renews_its_own_only(held: world.DictReader) -> None:
    groups = ["system:nodes", "system:authenticated"]
    own, others = csr(username="system:node:n1", groups=groups), csr(username="system:node:n2", groups=groups)
    signing.process(own, held, CA, TIME, cluster="root")
    signing.process(others, held, CA, TIME, cluster="root")
    assert conditions(own) == ["Approved"]
    assert conditions(others) == ["Denied"]


@pytest.mark.parametrize(
    "asked",
    [
        csr("system:node:n1", ["system:nodes", "system:masters"]),
        csr("system:node:n1", ["system:masters"]),
        csr("root"),
        csr("system:node:", ["system:nodes"]),
        csr("system:node:Not A Name"),
        csr(usages=["digital signature", "client auth", "cert sign"]),
        csr(usages=["client auth"]),
        csr(request="bm9uc2Vuc2U="),
        csr(request="%%%"),
    ],
)
def test_bad_requests_are_denied(held: world.DictReader, asked: objects.Object) -> None:
    signing.process(asked, held, CA, TIME, cluster="root")
    assert conditions(asked) == ["Denied"]
    assert "certificate" not in asked["status"]


def test_everybody_else_waits_and_masters_are_never_signed(held: world.DictReader) -> None:
    asked = csr("alice", [], username="alice", groups=[], signerName=signers.CLIENT)
    signing.process(asked, held, CA, TIME, cluster="root")
    assert asked["status"] == {}
    asked["status"]["conditions"] = [{"type": "Approved"}]
    signing.process(asked, held, CA, TIME, cluster="root")
    assert asked["status"]["certificate"]
    for name, groups in (("x", ["system:masters"]), ("bascule:controllers", []), ("system:node:n1", ["system:nodes"])):
        asked = csr(name, groups, username="alice", groups=[], signerName=signers.CLIENT)
        asked["status"] = {"conditions": [{"type": "Approved"}]}
        signing.process(asked, held, CA, TIME, cluster="root")
        assert conditions(asked) == ["Approved", "Failed"]
        assert "certificate" not in asked["status"]


def test_unknown_signers_are_left_alone(held: world.DictReader) -> None:
    asked = csr(signerName="example.com/own")
    signing.process(asked, held, CA, TIME, cluster="root")
    assert asked["status"] == {}
    signing.process(other := csr(), held, CA, TIME, cluster="team-a")
    assert "status" not in other


def test_another_signers_request_is_left_to_it_once_approved(held: world.DictReader) -> None:
    asked = csr("foo", (), signerName="example.com/theirs", usages=["server auth"])
    asked["status"] = {"conditions": [{"type": "Approved"}]}
    signing.process(asked, held, CA, TIME, cluster="root")
    assert conditions(asked) == ["Approved"]
    assert "certificate" not in asked["status"]


def test_a_users_client_certificate_needs_client_auth_alone(held: world.DictReader) -> None:
    asked = csr("testuser", (), username="boss", signerName=signers.CLIENT, usages=["client auth"])
    asked["status"] = {"conditions": [{"type": "Approved"}]}
    pem = b"# how it was made\n" + base64.b64decode(asked["spec"]["request"])
    asked["spec"]["request"] = base64.b64encode(pem).decode()
    signing.process(asked, held, CA, TIME, cluster="root")
    certificate = certificates.load(base64.b64decode(asked["status"]["certificate"]))
    assert certificates.subject(certificate.subject).common_name == "testuser"
