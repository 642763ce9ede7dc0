"""The agent's command line. argparse: a node pays for every import."""

from __future__ import annotations

import argparse
from pathlib import Path

from bascule.data.agent.node_status import Profile

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def pairs(text: str) -> dict[str, str]:
    """`a=1,b=2`; argparse shows the message when it is not that."""
    out = {}
    for item in filter(None, text.split(",")):
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise argparse.ArgumentTypeError(f"{item!r} is not NAME=VALUE; write for example cpu=4,memory=8Gi,pods=110")
        out[name.strip()] = value.strip()
    return out


def duration_seconds(text: str) -> int:
    """`7d`, `36h`, `90m`, `45s`; argparse shows the message when it is not that."""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNIT_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write for example 7d, 36h, 90m or 45s")
    return int(number) * _UNIT_SECONDS[unit]


def add_bridge(parser: argparse.ArgumentParser) -> None:
    """How to find the control tower, for one node or many."""
    parser.add_argument("--data-dir", type=Path, default=Path(".bascule"), help="everything is kept below it")
    parser.add_argument(
        "--bridge", action="append", default=[], metavar="HOST:PORT", help="a bridgehead; may be repeated"
    )
    parser.add_argument("--ca-file", type=Path, help="the platform's CA, to join with")
    parser.add_argument("--ca-hash", default="", help="sha256:… of the CA's key, where there is no --ca-file")
    parser.add_argument("--join-token", default="", help="a bootstrap token, needed once")
    parser.add_argument("--join-token-file", type=Path, help="a file holding it")
    parser.add_argument(
        "--offline-grace",
        type=duration_seconds,
        default=duration_seconds("7d"),
        metavar="7d",
        help="the longest outage to outlive: the node's certificate is made to last for it",
    )
    parser.add_argument("--capacity", type=pairs, default={}, metavar="cpu=4,memory=8Gi,pods=110")
    parser.add_argument("--labels", type=pairs, default={}, metavar="NAME=VALUE,…")
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser("bascule agent", description="Runs this node's pods from its ledger.")
    add_bridge(out)
    out.add_argument("--node-name", required=True)
    out.add_argument("--node-address", default="127.0.0.1", help="this node's own address")
    out.add_argument("--zone", default="")
    out.add_argument("--runtime", choices=("containerd", "process", "hollow"), default="process")
    out.add_argument("--service-cidr", default="10.96.0.0/16")
    out.add_argument("--cluster-cidr", default="10.244.0.0/16")
    out.add_argument("--pod-cidr", default="", help="this node's part of --cluster-cidr; default: what its Node says")
    out.add_argument("--dns-address", default="", help="where pods ask for names")
    out.add_argument("--envoy", default="", help="Envoy's binary, which carries Services where there is no root")
    out.add_argument(
        "--withdraw-seconds",
        type=float,
        default=2.0,
        metavar="2",
        help="how long a pod's end waits until no endpoint names it as ready any more",
    )
    out.add_argument("--domain", default="cluster.local")
    out.add_argument("--cgroup-parent", default="", help="the control group pods are made under")
    out.add_argument("--tear-down", action="store_true", help="stop this node's pods, then end; the data stays")
    return out


def profile(options: argparse.Namespace, *, zone: str) -> Profile:
    routed = getattr(options, "pod_cidr", "") if options.runtime == "containerd" else ""
    return Profile(capacity=options.capacity, labels=options.labels, zone=zone, pod_cidr=routed)


def token(options: argparse.Namespace) -> str:
    """The join token, from the option or its file; "" when there is none."""
    if options.join_token:
        return str(options.join_token)
    try:
        return str(options.join_token_file.read_text()).strip() if options.join_token_file else ""
    except FileNotFoundError:
        return ""
