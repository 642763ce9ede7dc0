"""A Secret of a service account over the API, and the controller that keeps it with its account."""

import base64
from typing import Any

from bascule.control.controllers import account_secrets
from tests.unit.control.api import harness

NS = "/api/v1/namespaces/default"


def secret(name: str, account: str = "default") -> dict[str, Any]:
    notes = {account_secrets.NAME: account}
    metadata = {"name": name, "annotations": notes}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": account_secrets.TYPE}


async def test_its_token_is_that_of_the_account() -> None:
    async with harness.running() as api:
        made = await api.create(f"{NS}/secrets", secret("t"))
        token = base64.b64decode(made["data"]["token"]).decode()
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        who = await api.create(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, who=token)
        assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        asked = await api.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
        assert asked["status"]["authenticated"] is True
        assert (await api.call("DELETE", f"{NS}/secrets/t")).code == 200
        asked = await api.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
        assert "invalidated" in asked["status"]["error"]
        assert (await api.call("POST", path, {}, who=token)).code == 401


async def test_one_that_came_before_its_account_is_filled_when_it_is_written_again() -> None:
    async with harness.running() as api:
        made = await api.create(f"{NS}/secrets", secret("t", "late"))
        assert "data" not in made
        assert account_secrets.decide(made, None) == "delete"
        account = await api.create(
            f"{NS}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "late"}}
        )
        assert account_secrets.decide(made, account) == "fill"
        written = (await api.call("PUT", f"{NS}/secrets/t", made)).body
        assert account_secrets.decide(written, account) == ""
        account["metadata"]["uid"] = "another"
        assert account_secrets.decide(written, account) == "delete"
        written["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        assert account_secrets.decide(written, None) == ""
