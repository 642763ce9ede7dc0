"""Secrets that hold a service account's token: filled as they are written, good for as long as both of them live."""

import base64
from typing import Any

import pytest

from bascule.control.access import account_secrets
from bascule.vocabulary import errors, objects
from tests.unit.control.access import test_authentication, world

Setting = test_authentication.Setting


@pytest.fixture
def setting() -> Setting:
    return Setting()


def secret(name: str = "t", **annotations: str) -> objects.Object:
    made = world.named(name, "one", type=account_secrets.TYPE)
    made["metadata"]["annotations"] = {account_secrets.NAME: "sa", **annotations}
    return made


def filled(setting: Setting, **annotations: str) -> objects.Object:
    made = secret(**annotations)
    account_secrets.Filler(test_authentication.KEYS, b"PEM").fill(made, setting.account)
    return setting.held.put("", "secrets", made)


def token_of(held: objects.Object) -> str:
    return base64.b64decode(held["data"]["token"]).decode()


def test_it_is_filled_and_authenticates(setting: Setting) -> None:
    held = filled(setting)
    assert base64.b64decode(held["data"]["ca.crt"]) == b"PEM"
    assert base64.b64decode(held["data"]["namespace"]) == b"one"
    assert objects.annotations(held)[account_secrets.UID] == objects.uid(setting.account)
    who = setting.bearer(token_of(held))
    assert (who.name, who.uid, who.home) == (
        "system:serviceaccount:one:sa",
        objects.uid(setting.account),
        objects.ROOT,
    )
    assert who.groups == ("system:serviceaccounts", "system:serviceaccounts:one", "system:authenticated")


async def test_it_does_not_expire(setting: Setting) -> None:
    held = filled(setting)
    await setting.time.advance(10 * 365 * 86_400)
    assert setting.bearer(token_of(held)).name == "system:serviceaccount:one:sa"


def test_what_is_there_stays(setting: Setting) -> None:
    held = filled(setting)
    again = objects.deep_copy(held)
    account_secrets.Filler(test_authentication.KEYS, b"PEM").fill(again, setting.account)
    assert again["data"] == held["data"]


def test_one_of_an_earlier_account_is_not_filled(setting: Setting) -> None:
    assert "data" not in filled(setting, **{account_secrets.UID: "another"})


@pytest.mark.parametrize("end", ["secret", "account", "rotated", "deleting", "recreated"])
def test_it_ends(setting: Setting, end: str) -> None:
    held = filled(setting)
    token = token_of(held)
    setting.bearer(token)
    match end:
        case "secret":
            setting.held.remove("", "secrets", "one", "t")
        case "account":
            setting.held.remove("", "serviceaccounts", "one", "sa")
        case "rotated":
            setting.held.put("", "secrets", {**held, "data": {"token": "eA=="}})
        case "deleting":
            leaving = {**held, "metadata": {**held["metadata"], "deletionTimestamp": "2020-01-01T00:00:00Z"}}
            setting.held.put("", "secrets", leaving)
        case "recreated":
            setting.held.put("", "serviceaccounts", world.named("sa", "one"))
    with pytest.raises(errors.StatusError, match="has been invalidated") as caught:
        setting.bearer(token)
    assert caught.value.code == 401


def test_it_is_worth_nothing_in_another_cluster(setting: Setting) -> None:
    with pytest.raises(errors.StatusError, match='for the cluster "root"'):
        setting.bearer(token_of(filled(setting)), cluster="team-a")


@pytest.mark.parametrize("change", [{"sub": "system:serviceaccount:one:other"}, {"sub": None}])
def test_claims_must_agree(setting: Setting, change: dict[str, Any]) -> None:
    claims = {
        "iss": account_secrets.ISSUER,
        "sub": "system:serviceaccount:one:sa",
        "kubernetes.io/serviceaccount/namespace": "one",
        "kubernetes.io/serviceaccount/secret.name": "t",
        "kubernetes.io/serviceaccount/service-account.name": "sa",
        "kubernetes.io/serviceaccount/service-account.uid": objects.uid(setting.account),
    }
    assert account_secrets.parse(claims).account == "sa"
    with pytest.raises(errors.StatusError, match="sub claim is invalid"):
        account_secrets.parse({**claims, **change})
    for field in list(claims)[2:]:
        with pytest.raises(errors.StatusError, match="lacks the claim"):
            account_secrets.parse({key: value for key, value in claims.items() if key != field})
