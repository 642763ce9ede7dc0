"""Secrets of service accounts on real processes: filled, whichever comes first, and gone with their account."""

import asyncio

import pytest

from bascule.vocabulary import builtins, errors, objects
from tests.scenarios import towers

pytestmark = [pytest.mark.scenario, pytest.mark.slow]
client, data, space = towers.client, towers.data, towers.space
NAME = "kubernetes.io/service-account.name"


async def test_a_secret_lives_with_its_account(client, space):
    metadata = {"name": "t", "namespace": space, "annotations": {NAME: "robot"}}
    secret = {"metadata": metadata, "type": "kubernetes.io/service-account-token"}

    async def found() -> objects.Object | None:
        try:
            return await client.get(builtins.SECRETS, "t", namespace=space)
        except errors.StatusError as error:
            if error.code != 404:
                raise
            return None

    async def gone() -> bool:
        return await found() is None

    await client.create(builtins.SECRETS, secret)
    await towers.until(gone, "a secret without an account gone")
    await client.create(builtins.SERVICE_ACCOUNTS, {"metadata": {"name": "robot", "namespace": space}})
    made = await client.create(builtins.SECRETS, secret)
    assert sorted(made["data"]) == ["ca.crt", "namespace", "token"]
    await client.patch(builtins.SECRETS, "t", {"data": None}, namespace=space)

    async def filled() -> bool:
        return bool(((await found()) or {}).get("data", {}).get("token"))

    await towers.until(filled, "the token again")
    await asyncio.gather(
        client.delete(builtins.SERVICE_ACCOUNTS, "robot", namespace=space),
        towers.until(gone, "the secret gone with its account"),
    )
