"""Credentials: certificates, service-account tokens and what they are bound to, bootstrap tokens."""

import pathlib
from datetime import timedelta

import pytest

from bascule.bridge.identity import service_account_keys
from bascule.control.access import authentication, review, static_tokens, tokens, user
from bascule.vocabulary import clock, errors, objects, timestamps
from tests.unit.control.access import world

ISSUER = "https://kubernetes.default.svc"
KEYS = service_account_keys.KeySet.load(service_account_keys.new_private_pem())


class Setting:
    def __init__(self) -> None:
        self.held = world.DictReader()
        self.time = clock.ManualClock()
        self.authenticator = authentication.Authenticator(self.held, keys=KEYS, issuer=ISSUER, time=self.time)
        self.issuer = tokens.Issuer(self.held, keys=KEYS, issuer=ISSUER, time=self.time)
        self.account = self.held.put("", "serviceaccounts", world.named("sa", "one"))
        self.pod = self.held.put("", "pods", world.pod("p", "one", serviceAccountName="sa", nodeName="n1"))
        self.held.put("", "nodes", world.named("n1"))

    def token(self, **spec: object) -> str:
        made = self.issuer.request("root", "one", "sa", {"spec": spec})
        return str(made["status"]["token"])

    def bearer(self, token: str, cluster: str = "root") -> user.User:
        return self.authenticator.authenticate(authorization=f"Bearer {token}", cluster=cluster)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def bound(setting: Setting, **change: str) -> dict[str, str]:
    return {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": objects.uid(setting.pod), **change}


def test_certificate(setting: Setting) -> None:
    read = [authentication.Certificate("alice", ("a", "b"), setting.time.now().timestamp() + 600)]
    for _ in range(2):
        who = setting.authenticator.certificate(b"its bytes", read.pop if read else pytest.fail)
        assert (who.name, who.groups) == ("alice", ("a", "b", "system:authenticated"))
    with pytest.raises(errors.StatusError, match="no common name"):
        setting.authenticator.certificate(b"another's", lambda: authentication.Certificate("", ("a",), 1e10))


async def test_expired_certificate(setting: Setting) -> None:
    read = authentication.Certificate("alice", (), setting.time.now().timestamp() + 600)
    setting.authenticator.certificate(b"its bytes", lambda: read)
    await setting.time.advance(601)
    with pytest.raises(errors.StatusError, match="expired"):
        setting.authenticator.certificate(b"its bytes", lambda: read)


def test_nothing_is_anonymous(setting: Setting) -> None:
    assert setting.authenticator.authenticate(authorization=None) is user.ANONYMOUS
    for header in ("Basic abc", "Bearer ", "Bearer not.a.token", "Bearer x"):
        with pytest.raises(errors.StatusError) as caught:
            setting.authenticator.authenticate(authorization=header)
        assert caught.value.code == 401
    assert authentication.is_public("/healthz")
    assert authentication.is_public("/readyz/ping")
    for path in ("/healthzz", "/api", "/versions", "/"):
        assert not authentication.is_public(path)


def test_service_account_token(setting: Setting) -> None:
    who = setting.bearer(setting.token(boundObjectRef=bound(setting)))
    assert who.name == "system:serviceaccount:one:sa"
    assert who.groups == ("system:serviceaccounts", "system:serviceaccounts:one", "system:authenticated")
    assert who.uid == objects.uid(setting.account)
    assert who.extra["authentication.kubernetes.io/pod-name"] == ("p",)
    assert who.extra["authentication.kubernetes.io/node-name"] == ("n1",)


def test_token_ends_with_its_pod(setting: Setting) -> None:
    token = setting.token(boundObjectRef=bound(setting))
    setting.bearer(token)
    setting.held.remove("", "pods", "one", "p")
    with pytest.raises(errors.StatusError, match="its pod was deleted"):
        setting.bearer(token)
    setting.held.put("", "pods", world.pod("p", "one", serviceAccountName="sa"))
    with pytest.raises(errors.StatusError, match="its pod was deleted"):
        setting.bearer(token)


def test_token_ends_with_its_account(setting: Setting) -> None:
    token = setting.token()
    setting.bearer(token)
    setting.held.remove("", "serviceaccounts", "one", "sa")
    with pytest.raises(errors.StatusError, match="its account was deleted"):
        setting.bearer(token)


async def test_token_expires(setting: Setting) -> None:
    token = setting.token(expirationSeconds=600)
    setting.bearer(token)
    await setting.time.advance(600)
    with pytest.raises(errors.StatusError, match="expired"):
        setting.bearer(token)


async def test_pods_token_outlives_an_outage(setting: Setting) -> None:
    spec = {"expirationSeconds": tokens.POD_EXPIRATION_SECONDS, "boundObjectRef": bound(setting)}
    made = setting.issuer.request("root", "one", "sa", {"spec": spec})
    soon = setting.time.now() + timedelta(seconds=tokens.POD_EXPIRATION_SECONDS)
    assert made["status"]["expirationTimestamp"] == timestamps.format(soon)
    await setting.time.advance(30 * 86_400)
    setting.bearer(made["status"]["token"])


def test_token_is_worth_nothing_elsewhere(setting: Setting) -> None:
    with pytest.raises(errors.StatusError, match='for the cluster "root"'):
        setting.bearer(setting.token(), cluster="team-a")
    with pytest.raises(errors.StatusError, match="is invalid for the target audiences"):
        setting.bearer(setting.token(audiences=["vault"]))
    other = service_account_keys.KeySet.load(service_account_keys.new_private_pem())
    forged = other.sign({"iss": ISSUER, "sub": "x"})
    with pytest.raises(errors.StatusError) as caught:
        setting.bearer(forged)
    assert caught.value.code == 401


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"expirationSeconds": 10}, 422),
        ({"boundObjectRef": {"kind": "Pod", "name": "gone"}}, 404),
        ({"boundObjectRef": {"kind": "Pod", "name": "p", "uid": "other"}}, 409),
        ({"boundObjectRef": {"kind": "Deployment", "name": "p"}}, 400),
    ],
)
def test_token_requests_refused(setting: Setting, spec: dict[str, object], code: int) -> None:
    with pytest.raises(errors.StatusError) as caught:
        setting.issuer.request("root", "one", "sa", {"spec": spec})
    assert caught.value.code == code


def test_token_review(setting: Setting) -> None:
    asked: objects.Object = {"kind": "TokenReview", "spec": {"token": setting.token(audiences=["vault"])}}
    asked["spec"]["audiences"] = ["vault"]
    review.token(asked, setting.authenticator, "root")
    assert asked["status"]["authenticated"]
    assert asked["status"]["audiences"] == ["vault"]
    asked = {"kind": "TokenReview", "spec": {"token": "rubbish"}}
    review.token(asked, setting.authenticator, "root")
    assert "authenticated" not in asked["status"]


BOOTSTRAP = "abcdef.0123456789abcdef"


def bootstrap_secret(**change: str) -> objects.Object:
    values = {
        "token_id": "abcdef",
        "token_secret": "0123456789abcdef",
        "usage_bootstrap_authentication": "true",
        "auth_extra_groups": "system:bootstrappers:edge,system:masters",
        **change,
    }
    made = world.named("bootstrap-token-abcdef", "kube-system", type="bootstrap.kubernetes.io/token")
    return {**made, "data": world.encoded(**values)}


def test_bootstrap_token(setting: Setting) -> None:
    with pytest.raises(errors.StatusError, match="is unknown"):
        setting.bearer(BOOTSTRAP)
    setting.held.put("", "secrets", bootstrap_secret())
    who = setting.bearer(BOOTSTRAP)
    assert who.name == "system:bootstrap:abcdef"
    assert who.groups == ("system:bootstrappers", "system:bootstrappers:edge", "system:authenticated")
    with pytest.raises(errors.StatusError, match="is wrong"):
        setting.bearer("abcdef.0000000000000000")


async def test_bootstrap_token_expires(setting: Setting) -> None:
    end = timestamps.format(setting.time.now() + timedelta(hours=1))
    setting.held.put("", "secrets", bootstrap_secret(expiration=end))
    setting.bearer(BOOTSTRAP)
    await setting.time.advance(3600)
    with pytest.raises(errors.StatusError, match="has expired"):
        setting.bearer(BOOTSTRAP)
    setting.held.put("", "secrets", bootstrap_secret(expiration="soon"))
    with pytest.raises(errors.StatusError, match="has expired"):
        setting.bearer(BOOTSTRAP)


def test_listed_tokens(setting: Setting, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text('admin-token,admin,1,"system:masters, team"\nplain,jane,2\n\n')
    found = static_tokens.read(path)
    assert found["admin-token"] == user.User("admin", ("system:masters", "team", user.AUTHENTICATED), "1")
    assert found["plain"].groups == (user.AUTHENTICATED,)
    known = authentication.Authenticator(setting.held, keys=KEYS, issuer=ISSUER, time=setting.time, static=found)
    assert known.authenticate(authorization="Bearer plain").name == "jane"
    with pytest.raises(errors.StatusError):
        known.authenticate(authorization="Bearer other")
    for text in ("token,user", ",user,1", "a,b,c\na,d,e"):
        path.write_text(text)
        with pytest.raises(static_tokens.BadFile):
            static_tokens.read(path)
