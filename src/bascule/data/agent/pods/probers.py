"""One try of a probe: exec, HTTP, TCP or gRPC. Each answers (healthy, what was seen)."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from bascule.data.agent.pods import model
from bascule.data.runtime import contract

Result = tuple[bool, str]


def port_number(container: model.Spec, port: int | str) -> int:
    """A probe's port, which may be the name of one of the container's ports."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    raise ValueError(f"the container has no port named {port!r}")


async def check(
    probe: dict[str, Any], container: model.Spec, container_id: str, runtime: contract.Runtime, pod_ip: str
) -> Result:
    """Never raises for a failing target; the time limit is the probe's own."""
    limit = float(probe.get("timeoutSeconds") or 1)
    try:
        if command := probe.get("exec"):
            return await _exec(command["command"], container_id, runtime, limit)
        async with asyncio.timeout(limit):
            if http := probe.get("httpGet"):
                return await _http(http, container, pod_ip)
            if tcp := probe.get("tcpSocket"):
                port = port_number(container, tcp["port"])
                _, writer = await asyncio.open_connection(tcp.get("host") or pod_ip, port)
                writer.close()
                return True, ""
            if grpc := probe.get("grpc"):
                return await _grpc(grpc, pod_ip)
    except TimeoutError:
        return False, f"no answer within {limit:g}s"
    except (OSError, ValueError, asyncio.IncompleteReadError, contract.RuntimeFault) as error:
        return False, str(error) or type(error).__name__
    return True, ""


async def _exec(command: list[str], container_id: str, runtime: contract.Runtime, limit: float) -> Result:
    try:
        result = await runtime.exec_sync(container_id, command, limit)
    except TimeoutError:
        return False, f"command timed out after {limit:g}s"
    said = (result.stdout + result.stderr).decode("utf-8", "replace")[:1024]
    return result.exit_code == 0, said


async def _http(http: dict[str, Any], container: model.Spec, pod_ip: str) -> Result:
    port = port_number(container, http["port"])
    host = http.get("host") or pod_ip
    context = None
    if (http.get("scheme") or "HTTP").upper() == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        path = "/" + (http.get("path") or "/").lstrip("/")
        headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.36", "Accept": "*/*"}
        headers |= {entry["name"]: entry["value"] for entry in http.get("httpHeaders") or ()}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        await writer.drain()
        first = (await reader.readline()).decode("latin-1").split(" ", 2)
        if len(first) < 2 or not first[1].isdigit():
            return False, "the answer is not HTTP"
        code = int(first[1])
        return 200 <= code < 400, f"HTTP probe failed with statuscode: {code}"
    finally:
        writer.close()


async def _grpc(settings: dict[str, Any], pod_ip: str) -> Result:
    import grpc

    service = (settings.get("service") or "").encode()
    request = b"\x0a" + bytes([len(service)]) + service if service else b""
    async with grpc.aio.insecure_channel(f"{pod_ip}:{int(settings['port'])}") as channel:
        try:
            answer: bytes = await channel.unary_unary("/grpc.health.v1.Health/Check")(request)
        except grpc.aio.AioRpcError as error:
            return False, f"gRPC: {error.code().name} {error.details()}"
    serving = answer == b"\x08\x01"
    return serving, "" if serving else "service unhealthy"


async def run_hook(
    hook: dict[str, Any], container: model.Spec, container_id: str, runtime: contract.Runtime, pod_ip: str
) -> Result:
    """postStart or preStop; the caller limits the time."""
    if sleep := hook.get("sleep"):
        await asyncio.sleep(float(sleep.get("seconds") or 0))
        return True, ""
    try:
        if command := hook.get("exec"):
            result = await runtime.exec_sync(container_id, command["command"], 0)
            said = (result.stdout + result.stderr).decode("utf-8", "replace")[:512]
            return result.exit_code == 0, f"exited with {result.exit_code}: {said}"
        if http := hook.get("httpGet"):
            return await _http(http, container, pod_ip)
    except (OSError, ValueError, contract.RuntimeFault) as error:
        return False, str(error)
    return True, ""
