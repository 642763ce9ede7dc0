"""The controllers on real processes: API server and controllers over the wire, with pods that a test calls ready."""

import asyncio
import contextlib
import os
import shutil

import orjson
import pytest

from bascule.client import api, kubeconfig
from bascule.vocabulary import builtins, conditions, errors, objects
from tests.scenarios import towers

pytestmark = [pytest.mark.scenario, pytest.mark.slow]
client, data, space = towers.client, towers.data, towers.space


async def test_a_deployment_rolls_out_and_back(client, space):
    await client.create(builtins.DEPLOYMENTS, towers.deployment(space))
    async with towers.agents(client, space):
        await towers.until(lambda: towers.complete(client, space, "v1"), "the first rollout")
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "v2"}]}}}}
        await client.patch(builtins.DEPLOYMENTS, "web", change, namespace=space, kind="strategic")
        await towers.until(lambda: towers.complete(client, space, "v2"), "the second rollout")
        sets = (await client.list(builtins.REPLICA_SETS, namespace=space))["items"]
        revisions = {objects.annotations(one)["deployment.kubernetes.io/revision"] for one in sets}
        assert revisions == {"1", "2"}
        await client.patch(builtins.DEPLOYMENTS, "web", {"spec": {"replicas": 5}}, namespace=space)
        await towers.until(lambda: towers.complete(client, space, "v2", 5), "scaling")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed: its rollout is not tested")
async def test_kubectl_rollout(client, space, data):
    async def kubectl(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "kubectl", "-n", space, *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "KUBECONFIG": str(data / "admin.kubeconfig"), "HOME": str(data)},
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), towers.DEADLINE_SECONDS)
        assert process.returncode == 0, output.decode()
        return output.decode()

    async with towers.agents(client, space):
        await kubectl("create", "deployment", "web", "--image=v1", "--replicas=3")
        assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        await kubectl("set", "image", "deployment/web", "v1=v2")
        assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        await kubectl("rollout", "undo", "deployment/web")
        assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        await towers.until(lambda: towers.complete(client, space, "v1"), "undo")
        await kubectl("rollout", "restart", "deployment/web")
        assert "successfully rolled out" in await kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        history = await kubectl("rollout", "history", "deployment/web")
        assert [line.split()[0] for line in history.splitlines()[2:] if line.strip()] == ["2", "3", "4"]


async def test_a_service_finds_its_pods(client, space):
    service = {
        "metadata": {"name": "web", "namespace": space},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": "http"}]},
    }
    await client.create(builtins.SERVICES, service)
    await client.create(builtins.DEPLOYMENTS, towers.deployment(space))

    async def ready_addresses() -> set[str]:
        slices = await client.list(
            builtins.ENDPOINT_SLICES, namespace=space, label_selector="kubernetes.io/service-name=web"
        )
        return {
            endpoint["addresses"][0]
            for one in slices["items"]
            for endpoint in one.get("endpoints") or ()
            if endpoint["conditions"]["ready"] and [port["port"] for port in one["ports"]] == [80]
        }

    async def three() -> bool:
        return len(await ready_addresses()) == 3

    async with towers.agents(client, space):
        await towers.until(three, "three ready endpoints")

    async def mirrored() -> bool:
        mirror = await client.get(builtins.ENDPOINTS, "web", namespace=space)
        shown = {one["ip"] for subset in mirror.get("subsets") or () for one in subset.get("addresses") or ()}
        return shown == await ready_addresses()

    await towers.until(mirrored, "the same addresses in the Endpoints")
    await client.delete(builtins.SERVICES, "web", namespace=space)

    async def gone() -> bool:
        return not (await client.list(builtins.ENDPOINT_SLICES, namespace=space))["items"]

    await towers.until(gone, "the slices of a deleted Service collected")


async def test_written_endpoints_go_with_their_service_and_not_before_it_came(client, space):
    def written(name: str) -> objects.Object:
        subsets = [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]
        return {"metadata": {"name": name, "namespace": space}, "subsets": subsets}

    async def left() -> list[str]:
        return sorted(map(objects.name, (await client.list(builtins.ENDPOINTS, namespace=space))["items"]))

    for name in ("early", "outside"):
        await client.create(builtins.ENDPOINTS, written(name))
    service = {"metadata": {"name": "outside", "namespace": space}, "spec": {"ports": [{"port": 80}]}}
    await client.create(builtins.SERVICES, service)
    await client.delete(builtins.SERVICES, "outside", namespace=space)

    async def gone() -> bool:
        return await left() == ["early"]

    await towers.until(gone, "the endpoints of the deleted Service gone")


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
async def test_deleting_a_deployment(client, space, propagation):
    await client.create(builtins.DEPLOYMENTS, towers.deployment(space))
    async with towers.agents(client, space):
        await towers.until(lambda: towers.complete(client, space, "v1"), "the rollout")
    await client.delete(builtins.DEPLOYMENTS, "web", namespace=space, propagation=propagation)

    async def left() -> list[int]:
        kinds = (builtins.DEPLOYMENTS, builtins.REPLICA_SETS, builtins.PODS)
        return [len((await client.list(kind, namespace=space))["items"]) for kind in kinds]

    async def as_expected() -> bool:
        return await left() == ([0, 1, 3] if propagation == "Orphan" else [0, 0, 0])

    await towers.until(as_expected, f"{propagation} deletion carried out")
    if propagation == "Orphan":
        orphan = (await client.list(builtins.REPLICA_SETS, namespace=space))["items"][0]
        assert objects.owner_references(orphan) == []


async def test_a_namespace_goes_with_all_it_holds(client, space):
    await client.create(builtins.DEPLOYMENTS, towers.deployment(space))
    await client.create(builtins.CONFIG_MAPS, {"metadata": {"name": "c", "namespace": space}})
    held = {"metadata": {"name": "held", "namespace": space, "finalizers": ["example.org/hold"]}}
    await client.create(builtins.CONFIG_MAPS, held)
    await towers.until(lambda: towers.pods_of(client, space), "pods")
    await client.delete(builtins.NAMESPACES, space)
    await client.delete(builtins.CONFIG_MAPS, "c", namespace=space)  # Still there, for kubectl delete -f.

    async def remaining() -> bool:
        namespace = await client.get(builtins.NAMESPACES, space)
        return conditions.is_true(namespace, "NamespaceFinalizersRemaining")

    await towers.until(remaining, "the finalizer named in a condition")
    await client.patch(builtins.CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, namespace=space)

    async def gone() -> bool:
        try:
            await client.get(builtins.NAMESPACES, space)
        except errors.StatusError as error:
            return error.code == 404
        return False

    await towers.until(gone, "the namespace gone")
    assert (await client.list(builtins.CONFIG_MAPS, namespace=space))["items"] == []


async def test_a_namespace_keeps_the_rest_until_its_pods_are_gone(client, space):
    template = towers.deployment(space)["spec"]["template"]
    meta = {"name": "held", "namespace": space, "finalizers": ["example.org/hold"]}
    await client.create(builtins.PODS, {"metadata": meta, "spec": template["spec"]})
    await client.create(builtins.CONFIG_MAPS, {"metadata": {"name": "c", "namespace": space}})
    await client.delete(builtins.NAMESPACES, space)

    async def remaining() -> bool:
        items = (await client.get(builtins.NAMESPACES, space))["status"].get("conditions") or []
        return any("pods. has 1 resource instances" in item["message"] for item in items)

    await towers.until(remaining, "the pod named in a condition")
    names = [objects.name(item) for item in (await client.list(builtins.CONFIG_MAPS, namespace=space))["items"]]
    assert "c" in names
    await client.patch(builtins.PODS, "held", {"metadata": {"finalizers": None}}, namespace=space)

    async def gone() -> bool:
        return space not in map(objects.name, (await client.list(builtins.NAMESPACES))["items"])

    await towers.until(gone, "the namespace gone")


async def test_a_stateful_set_and_a_job_run_to_their_ends(client, space):
    template = towers.deployment(space)["spec"]["template"]
    selector = {"matchLabels": {"app": "web"}}
    spec = {"replicas": 2, "serviceName": "db", "selector": selector, "template": template}
    await client.create(builtins.STATEFUL_SETS, {"metadata": {"name": "db", "namespace": space}, "spec": spec})

    async def updated(image: str) -> bool:
        current = await client.get(builtins.STATEFUL_SETS, "db", namespace=space)
        status = current.get("status") or {}
        images = {
            objects.name(pod): pod["spec"]["containers"][0]["image"] for pod in await towers.pods_of(client, space)
        }
        done = status.get("currentRevision") == status.get("updateRevision") and status.get("readyReplicas") == 2
        return done and images == {"db-0": image, "db-1": image}

    async with towers.agents(client, space):
        await towers.until(lambda: updated("v1"), "the first pods")
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "v2"}]}}}}
        await client.patch(builtins.STATEFUL_SETS, "db", change, namespace=space, kind="strategic")
        await towers.until(lambda: updated("v2"), "the update")
    await client.delete(builtins.STATEFUL_SETS, "db", namespace=space)
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "v1"}]}}
    spec = {"completions": 2, "parallelism": 1, "template": template}
    await client.create(builtins.JOBS, {"metadata": {"name": "once", "namespace": space}, "spec": spec})

    async def finished() -> bool:
        for pod in await towers.pods_of(client, space):
            if objects.labels(pod).get("job-name") == "once" and pod["status"].get("phase") == "Pending":
                where = {"namespace": space, "subresource": "status"}
                await client.patch(builtins.PODS, objects.name(pod), {"status": {"phase": "Succeeded"}}, **where)
        return conditions.is_true(await client.get(builtins.JOBS, "once", namespace=space), "Complete")

    await towers.until(finished, "the job")


async def test_every_namespace_has_its_account_and_root_ca(client, space):
    async def there() -> bool:
        try:
            await client.get(builtins.SERVICE_ACCOUNTS, "default", namespace=space)
            found = await client.get(builtins.CONFIG_MAPS, "kube-root-ca.crt", namespace=space)
        except errors.StatusError:
            return False
        return found["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")

    await towers.until(there, "the account and the bundle")


async def test_one_lost_node_of_three_is_tainted_and_its_pods_go(client, space):
    names = [f"{space}-{number}" for number in range(3)]
    now = "2026-01-01T00:00:00Z"
    try:
        for name in names:
            await client.create(builtins.NODES, {"metadata": {"name": name}})
            heard = {"type": "bascule.dev/Connected", "status": "True", "lastTransitionTime": now}
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
            status = {"conditions": [heard, ready]}
            await client.patch(builtins.NODES, name, {"status": status}, subresource="status")
            pod = {
                "metadata": {"name": name, "namespace": space},
                "spec": {"nodeName": name, "containers": [{"name": "c", "image": "i"}], "tolerations": [
                    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
                     "tolerationSeconds": 1}]},
            }  # fmt: skip
            await client.create(builtins.PODS, pod)
        unheard = {"type": "bascule.dev/Connected", "status": "False", "lastTransitionTime": now}
        status = {"conditions": [unheard, {"type": "Ready", "status": "True", "lastTransitionTime": now}]}
        await client.patch(builtins.NODES, names[0], {"status": status}, subresource="status")

        async def leaving() -> list[str]:
            return [objects.name(pod) for pod in await towers.pods_of(client, space) if objects.deletion_timestamp(pod)]

        assert await towers.until(leaving, "the lost node's pod evicted") == [names[0]]
        node = await client.get(builtins.NODES, names[0])
        assert conditions.find(node["status"]["conditions"], "Ready")["status"] == "Unknown"
        effects = {(one["key"], one["effect"]) for one in node["spec"]["taints"]}
        assert ("node.kubernetes.io/unreachable", "NoExecute") in effects
        assert not (await client.get(builtins.NODES, names[1]))["spec"].get("taints")
    finally:
        for name in names:
            await client.delete(builtins.NODES, name)
            with contextlib.suppress(errors.StatusError):
                await client.delete(builtins.PODS, name, namespace=space, grace_seconds=0)


async def test_nothing_is_in_quarantine(data):
    address = (data / "controllers.address").read_text()
    async with api.Client(kubeconfig.Connection(f"http://{address}")) as port:
        assert orjson.loads(await port.raw("GET", "/quarantine")) == {"items": []}
        assert await port.raw("GET", "/readyz") == b"ok"
        assert b"bascule_reconcile_seconds_bucket" in await port.raw("GET", "/metrics")


async def test_the_death_of_the_api_server_is_survived(tmp_path):
    """kill -9 of the API server, a change while nobody listens, and its return: the controllers go on by themselves."""
    server = ["--data-dir", str(tmp_path), "--store", "sqlite", "--port"]
    with towers.Process("bascule.control.api", *server, "0", log=tmp_path / "api.log") as first:
        port = first.ready["address"].rpartition(":")[2]
        identity = str(tmp_path / "identities" / "controllers.kubeconfig")
        options = ["--kubeconfig", identity]
        controllers = towers.Process("bascule.control.controllers", *options, log=tmp_path / "controllers.log")
        with controllers:
            async with api.Client(kubeconfig.load(tmp_path / "admin.kubeconfig")) as client:
                await client.create(builtins.DEPLOYMENTS, towers.deployment("default"))
                async with towers.agents(client, "default"):
                    await towers.until(lambda: towers.complete(client, "default", "v1"), "the rollout")
                first.running.kill()
                first.running.wait()
                with towers.Process("bascule.control.api", *server, port, log=tmp_path / "api2.log"):
                    before = {objects.uid(pod) for pod in await towers.pods_of(client, "default")}
                    assert len(before) == 3
                    await client.patch(builtins.DEPLOYMENTS, "web", {"spec": {"replicas": 4}}, namespace="default")
                    async with towers.agents(client, "default"):
                        await towers.until(
                            lambda: towers.complete(client, "default", "v1", 4), "the change after the return"
                        )
                    after = {objects.uid(pod) for pod in await towers.pods_of(client, "default")}
                    assert before < after
            assert controllers.running.poll() is None
