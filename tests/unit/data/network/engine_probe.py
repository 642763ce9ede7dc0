"""Run by test_engine inside a network namespace of its own: what real connections do under each plan, as JSON."""

from __future__ import annotations

import asyncio
import json

from bascule.data.network import host
from bascule.data.network.contract import EngineError
from bascule.data.network.nftables import engine, layout
from bascule.data.network.plan import Backend, Frontend, Plan, Target
from tests import waiting

SERVICE = ("10.96.0.1", 80)
NODE_PORT = ("172.31.9.1", 30080)
BACKENDS = [Backend(f"10.1.0.{number}", 8080) for number in (1, 2, 3)]
SETUP = """
ip link add veth0 type veth peer name veth1
ip address add 172.31.9.1/24 dev veth0
ip link set veth0 up
ip link set veth1 up
ip address add 10.1.0.1/32 dev lo
ip address add 10.1.0.2/32 dev lo
ip address add 10.1.0.3/32 dev lo
"""


async def shell(script: str) -> str:
    process = await asyncio.create_subprocess_exec("sh", "-ec", script, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, script
    return output.decode()


def plan(*backends: Backend, sticky_seconds: int = 0) -> Plan:
    frontends = (Frontend(SERVICE[0], "tcp", SERVICE[1]), Frontend("", "tcp", NODE_PORT[1]))
    return Plan({"a": Target(frontends, backends, sticky_seconds)})


async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(writer.get_extra_info("sockname")[0].encode())
    await writer.drain()
    writer.close()


async def dial(address: tuple[str, int]) -> str:
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(*address)
            text = (await reader.read()).decode()
    except (ConnectionRefusedError, TimeoutError) as error:
        return type(error).__name__
    writer.close()
    return text


async def dialled(address: tuple[str, int], times: int) -> list[str]:
    return sorted({await dial(address) for _ in range(times)})


async def until_another(first: str) -> bool:
    """Whether another backend answers in the end to one who comes seldom enough."""

    async def another() -> bool:
        await asyncio.sleep(1.2)  # the kernel's clock: nothing tells that a session has ended
        return await dial(SERVICE) != first

    return bool(await waiting.until(another, what="a session to end", timeout_seconds=30))


async def main() -> None:
    await shell(SETUP)
    servers = [await asyncio.start_server(answer, *backend) for backend in BACKENDS]
    await host.route_services("10.96.0.0/16", "172.31.9.1")
    await host.hold_address("10.96.0.10")
    await host.hold_address("10.96.0.10")
    tables = engine.NftablesEngine("bascule_test", layout.Addresses("10.1.0.0/24", "10.1.0.0/16"))
    guard = asyncio.create_task(tables.run())
    seen: dict[str, object] = {}
    await tables.enforce(plan(BACKENDS[0]))
    seen["one"] = await dialled(SERVICE, 5)
    await tables.enforce(plan(*BACKENDS))
    seen["three"] = await dialled(SERVICE, 60)
    seen["node port"] = await dialled(NODE_PORT, 60)
    await tables.enforce(plan(*BACKENDS, sticky_seconds=600))
    kept = await dialled(SERVICE, 20)
    seen["sticky"] = [len(kept), await dialled(NODE_PORT, 20) == kept]
    await tables.enforce(plan(*(backend for backend in BACKENDS if backend.address not in kept), sticky_seconds=600))
    again = await dialled(SERVICE, 20)
    seen["sticky, its backend gone"] = [len(again), again != kept]
    await tables.enforce(plan(*BACKENDS, sticky_seconds=600))
    seen["sticky, more backends"] = await dialled(SERVICE, 20) == again
    await tables.enforce(plan(*BACKENDS, sticky_seconds=1))
    seen["sticky for a while"] = await until_another(await dial(SERVICE))
    await tables.enforce(plan())
    seen["none"] = await dialled(SERVICE, 1)
    seen["no node port"] = await dialled(NODE_PORT, 1)
    await tables.enforce(plan(*BACKENDS))
    healed = []
    for command in ("flush ruleset", "flush map ip bascule_test counts", "flush chain ip bascule_test services"):
        before = tables.reassertions
        await shell(f"nft {command}")
        await waiting.until(lambda before=before: tables.reassertions > before, what="the rules to be put back")
        await tables.enforce(plan(*BACKENDS))
        healed.append(await dialled(SERVICE, 60))
    seen["healed"] = healed
    try:
        await tables.enforce(plan(Backend("not-an-address", 1)))
    except EngineError:
        seen["bad plan"] = await dialled(SERVICE, 60)
    guard.cancel()
    await tables.remove()
    seen["left"] = await shell("nft list ruleset")
    for server in servers:
        server.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main())
