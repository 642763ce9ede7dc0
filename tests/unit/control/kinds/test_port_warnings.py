"""What is said of ports is what looking at every two of them finds, cut off where it is enough."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bascule.control.kinds.pod import port_warnings

_PORTS = st.fixed_dictionaries(
    {"containerPort": st.sampled_from([1, 2]), "protocol": st.sampled_from(["TCP", "UDP"])},
    optional={"hostPort": st.sampled_from([5, 6]), "hostIP": st.sampled_from(["1.1.1.1", "2.2.2.2"])},
)


def _slowly(spec: dict[str, Any]) -> list[str]:
    """Of every two ports of one container port and protocol."""
    met: list[tuple[str, dict[str, Any]]] = []
    found = []
    for index, container in enumerate(spec["containers"]):
        for number, port in enumerate(container["ports"]):
            at = f"spec.containers[{index}].ports[{number}]"
            address, host = port.get("hostIP"), port.get("hostPort")
            if address and not host:
                found.append(f"{at}: hostIP set without hostPort")
            for where, other in met:
                if (other["containerPort"], other["protocol"]) != (port["containerPort"], port["protocol"]):
                    continue
                same = (address, host) == (other.get("hostIP"), other.get("hostPort"))
                if same:
                    found.append(f"{at}: duplicate port definition with {where}")
                elif not host or not other.get("hostPort"):
                    found.append(f"{at}: overlapping port definition with {where}")
                elif host == other["hostPort"] and bool(address) != bool(other.get("hostIP")):
                    found.append(f"{at}: dangerously ambiguous port definition with {where}")
            met.append((at, port))
    return found


@given(st.lists(st.lists(_PORTS, max_size=5), max_size=3))
def test_ports_are_compared_as_every_two_of_them_are(ports: list[list[dict[str, Any]]]) -> None:
    spec = {"containers": [{"name": "c", "ports": each} for each in ports]}
    told = [line.partition(": {")[0] for line in port_warnings.found("spec", spec)]
    assert told == _slowly(spec)[: port_warnings.TOLD_MAX]


def test_of_many_ports_alike_a_hundred_are_told() -> None:
    """Half a million pairs for each of the thousands that a pod may have, if all were looked at."""
    alike = [{"containerPort": 80, "protocol": "TCP"}] * 9_000
    apart = [{"containerPort": 81, "protocol": "TCP", "hostPort": n + 1} for n in range(9_000)]
    spec = {"containers": [{"name": "c", "ports": apart + alike}]}
    assert len(list(port_warnings.found("spec", spec))) == port_warnings.TOLD_MAX
