"""A node from the ledger to the runtime and back: what users see of their pods."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bascule.bridge import messages
from bascule.data.runtime import contract
from bascule.data.runtime.hollow.driver import HollowRuntime, Outcome
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import conditions
from tests.unit.data.agent.kit import pod, running


async def test_a_pod_of_the_ledger_runs_and_is_reported(tmp_path: Path) -> None:
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", pod())
        status = await bench.until(lambda: (s := bench.status()).get("phase") == "Running" and s)
        assert status["uid"] == "uid-web"
        assert status["podIP"] == "127.61.0.1"
        (entry,) = status["containerStatuses"]
        assert (entry["ready"], entry["started"], entry["restartCount"]) == (True, True, 0)
        assert "running" in entry["state"]
        for kind in ("Ready", "ContainersReady", "Initialized", "PodReadyToStartContainers", "PodScheduled"):
            found = conditions.find(status["conditions"], kind)
            assert found is not None
            assert found["status"] == "True", kind
        assert bench.reports(messages.NODE_STATUS)["root//n1"]["status"]["conditions"]


async def test_a_hollow_pod_gets_beyond_its_init_containers_and_keeps_its_sidecars(tmp_path: Path) -> None:
    first = {"name": "first", "image": "img:1"}
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", pod(initContainers=[{**first, "name": "side", "restartPolicy": "Always"}, first]))
        status = await bench.until(lambda: (s := bench.status()).get("phase") == "Running" and s)
        states = {entry["name"]: next(iter(entry["state"])) for entry in status["initContainerStatuses"]}
        assert states == {"side": "running", "first": "terminated"}


async def test_deletion_stops_the_pod_reports_it_finished_and_removal_leaves_nothing(tmp_path: Path) -> None:
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", pod())
        await bench.until(lambda: bench.status().get("phase") == "Running")
        doomed = pod()
        doomed["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 1}
        await bench.tell("pods", doomed)
        finished = await bench.until(lambda: bench.reports(messages.POD_FINISHED))
        assert finished == {"root/shop/web": {"uid": "uid-web"}}
        assert bench.status()["phase"] == "Failed"
        assert bench.status()["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
        await bench.tell("pods", removed=("root/shop/web",))
        await bench.until(lambda: not bench.node.workers)
        assert not bench.containers()
        assert not (tmp_path / "pods" / "uid-web").exists()


async def test_a_restarted_agent_adopts_and_restarts_nothing(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod())
        before = await bench.until(lambda: (s := bench.status()).get("phase") == "Running" and s)
    async with running(runtime, tmp_path) as bench:
        await bench.until(lambda: bench.containers())
        await bench.until(lambda: bench.node.workers["uid-web"].memory.busy == set())
        assert bench.status() == before
        (run,) = (await runtime.observe()).containers
        assert (run.attempt, run.state) == (0, contract.State.RUNNING)


async def test_after_a_reboot_everything_starts_from_the_ledger(tmp_path: Path) -> None:
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", pod())
        await bench.until(lambda: bench.status().get("phase") == "Running")
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.until(lambda: bench.status()["containerStatuses"][0]["restartCount"] == 1)
        await bench.until(lambda: bench.status()["phase"] == "Running")
        assert bench.status()["podIP"] == "127.61.0.1"


async def test_a_killed_container_is_started_again_at_once(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod())
        await bench.until(lambda: bench.status().get("phase") == "Running")
        runtime.kill(bench.containers()[0].id)
        status = await bench.until(lambda: (s := bench.status())["containerStatuses"][0]["restartCount"] == 1 and s)
        last = status["containerStatuses"][0]["lastState"]["terminated"]
        assert (last["exitCode"], last["reason"]) == (137, "Error")


async def test_a_crash_loop_backs_off(tmp_path: Path) -> None:
    runtime = HollowRuntime(script=lambda _: Outcome(0, 2))
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod())
        status = await bench.until(
            lambda: (
                "waiting" in (s := bench.status()).get("containerStatuses", [{"state": {}}])[0]["state"]
                and s["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
                and s
            )
        )
        assert status["containerStatuses"][0]["state"]["waiting"]["message"] == (
            "back-off 10s restarting failed container=main pod=web_shop(uid-web)"
        )
        assert len(bench.containers()) == 2


async def test_a_missing_secret_holds_the_pod_until_it_arrives(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    wants = pod()
    wants["spec"]["containers"][0]["env"] = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", wants)
        failed = {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}
        await bench.until(lambda: bench.status().get("containerStatuses", [{}])[0].get("state") == {"waiting": failed})
        secret = {"kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "data": {"k": "dg=="}}
        await bench.tell("secrets", secret)
        await bench.until(lambda: bench.status()["phase"] == "Running")
        (spec,) = runtime._specs.values()
        assert ("KEY", "v") in spec.env


async def test_what_an_empty_ledger_does_not_know_is_left_running(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    async with running(runtime, tmp_path / "a") as bench:
        await bench.tell("pods", pod())
        await bench.until(lambda: bench.status().get("phase") == "Running")
    async with running(runtime, tmp_path / "fresh") as bench:
        events = await bench.until(lambda: bench.reports(messages.EVENT))
        assert "UnknownPod" in {event["reason"] for event in events.values()}
        assert (await runtime.observe()).containers[0].state is contract.State.RUNNING


async def test_what_was_kept_once_is_kept_by_later_agents_until_its_removal_is_told(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    async with running(runtime, tmp_path / "a") as bench:
        await bench.tell("pods", pod())
        await bench.until(lambda: bench.status().get("phase") == "Running")
    (tmp_path / "fresh").mkdir(exist_ok=True)
    async with running(runtime, tmp_path / "fresh") as bench:
        await bench.until(lambda: bench.node._kept)
        await bench.tell("pods", pod("other"))  # from now on this ledger knows of pods
        await bench.until(lambda: bench.status("other").get("phase") == "Running")
    async with running(runtime, tmp_path / "fresh") as bench:
        await bench.until(lambda: bench.node._said == {"uid-web"})
        assert {run.uid for run in bench.containers()} == {"uid-web", "uid-other"}
        await bench.tell("pods", pod())  # it is desired after all: adopted
        await bench.until(lambda: bench.status().get("phase") == "Running")
        assert not bench.node._kept
        (run,) = [run for run in bench.containers() if run.uid == "uid-web"]
        assert run.attempt == 0
        await bench.tell("pods", removed=("root/shop/web",))
        await bench.until(lambda: {run.uid for run in bench.containers()} == {"uid-other"})


async def test_back_off_and_restart_count_outlive_the_agent(tmp_path: Path) -> None:
    runtime = HollowRuntime(script=lambda _: Outcome(0, 2))
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod())
        await bench.until(lambda: len(bench.containers()) == 2)
        before = await bench.until(lambda: bench.node.workers["uid-web"].memory.backoffs.get("main"))
    async with running(runtime, tmp_path) as bench:
        await bench.until(lambda: bench.containers())
        worker = bench.node.workers["uid-web"]
        assert worker.memory.backoffs == {"main": before}
        waiting = {"reason": "CrashLoopBackOff"}
        await bench.until(
            lambda: bench.status()["containerStatuses"][0]["state"].get("waiting", {}).items() >= waiting.items()
        )
        assert bench.status()["containerStatuses"][0]["restartCount"] == 1
        assert len(bench.containers()) == 2


async def test_what_is_on_its_way_is_awaited_without_a_word(tmp_path: Path) -> None:
    clock = clocks.ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    wants = pod()
    wants["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "cm"}}]
    async with running(HollowRuntime(), tmp_path, clock) as bench:
        await bench.tell("pods", wants)
        worker = bench.node.workers["uid-web"]
        await bench.until(lambda: "main" in worker.memory.holds)
        assert not worker.memory.failures
        config = {"kind": "ConfigMap", "metadata": {"name": "cm", "namespace": "shop"}, "data": {"k": "v"}}
        await bench.tell("configmaps", config)
        await bench.until(lambda: bench.status().get("phase") == "Running")
        said = sorted(bench.reports(messages.EVENT).items())
        assert [event["reason"] for _, event in said] == ["Pulled", "Created", "Started"]


async def test_what_a_ledger_that_knows_does_not_name_is_removed(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod(), pod("other"))
        await bench.until(lambda: len(bench.containers()) == 2)
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", removed=("root/shop/web",))
    async with running(runtime, tmp_path) as bench:
        await bench.until(lambda: [run.uid for run in bench.containers()] == ["uid-other"])


async def test_a_pod_that_breaks_its_worker_hurts_no_other(tmp_path: Path) -> None:
    broken = pod("broken")
    broken["spec"]["containers"] = [{"image": "nameless"}]
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", broken, pod())
        await bench.until(lambda: bench.status().get("phase") == "Running")
        events = bench.reports(messages.EVENT).values()
        assert any(e["reason"] == "FailedSync" and e["involvedObject"]["name"] == "broken" for e in events)


async def test_a_pod_of_the_same_name_waits_for_the_old_one(tmp_path: Path) -> None:
    runtime = HollowRuntime()
    async with running(runtime, tmp_path) as bench:
        await bench.tell("pods", pod(uid="first"))
        await bench.until(lambda: bench.status().get("phase") == "Running")
        await bench.tell("pods", pod(uid="second"))
        await bench.until(lambda: bench.status().get("uid") == "second" and bench.status()["phase"] == "Running")
        assert [run.uid for run in (await runtime.observe()).containers] == ["second"]
        assert json.dumps(bench.status())


async def test_a_pod_whose_host_port_is_taken_is_refused_and_stays_so(tmp_path: Path) -> None:
    def on(port: int, name: str, address: str = "") -> dict[str, Any]:
        ports = [{"containerPort": 80, "hostPort": port, "protocol": "TCP"} | ({"hostIP": address} if address else {})]
        return pod(name, containers=[{"name": "main", "image": "i", "ports": ports}])

    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", on(8080, "web", "127.0.0.1"))
        await bench.until(lambda: bench.status().get("phase") == "Running")
        for name, port, address in (("late", 8080, ""), ("beside", 8080, "127.0.0.2"), ("other", 8081, "")):
            await bench.tell("pods", on(port, name, address))
        await bench.until(lambda: all(bench.status(name).get("phase") == "Running" for name in ("beside", "other")))
        refused = await bench.until(lambda: (s := bench.status("late")).get("phase") == "Failed" and s)
        assert refused["reason"] == "NodePorts"
        assert refused["message"].startswith("Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ")
        assert len(bench.containers()) == 3
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.until(lambda: len(bench.containers()) == 3)
        assert bench.status("late")["phase"] == "Failed"
        await bench.tell("pods", removed=("root/shop/web",))
        await bench.until(lambda: len(bench.node.workers) == 3)
        await bench.tell("pods", on(8080, "next", "127.0.0.1"))
        await bench.until(lambda: bench.status("next").get("phase") == "Running")
