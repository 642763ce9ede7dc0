"""A plan of Services as Envoy's configuration: listeners, clusters, endpoints, and the bootstrap that points to them.

Pure and deterministic: equal plans give equal bytes, and the version is their hash. Endpoints are in a file of their
own for each cluster (Envoy takes no more than one from a file), so that a changed endpoint touches no listener and no
cluster: a changed cluster would drop connections.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from bascule.data.network.plan import Frontend, Plan, Target

CONNECT_TIMEOUT = "1s"
CONNECTIONS_MAX = 50_000
TYPES = "type.googleapis.com/envoy"
LISTENERS, CLUSTERS, ENDPOINTS = "listeners.json", "clusters.json", "endpoints"


class Rendered(NamedTuple):
    """File name → content, in the order in which they must be written; and what had to be left out."""

    files: dict[str, bytes]
    problems: tuple[str, ...]


def files(plan: Plan, *, directory: Path, any_address: str, privileged_below: int) -> Rendered:
    """``any_address`` stands in for "any address of the node" of node ports; ports below the bound cannot be bound."""
    listeners, clusters, problems = [], [], []
    content: dict[str, bytes] = {}
    for key, target in sorted(plan.targets.items()):
        usable = [frontend for frontend in target.frontends if frontend.port >= privileged_below]
        for frontend in set(target.frontends) - set(usable):
            problems.append(
                f"Service {key}: port {frontend.port} needs privileges; use a port from {privileged_below} on, run as "
                "root, or lower net.ipv4.ip_unprivileged_port_start"
            )
        if not usable:
            continue
        clusters.append(_cluster(key, target, directory))
        assignment = _discovery(f"{TYPES}.config.endpoint.v3.ClusterLoadAssignment", [_assignment(key, target)])
        content[endpoints_file(key)] = assignment
        listeners += [_listener(key, frontend, any_address) for frontend in usable]
    # Clusters come before the listeners that name them; endpoints before the clusters that wait for them.
    content[CLUSTERS] = _discovery(f"{TYPES}.config.cluster.v3.Cluster", clusters)
    content[LISTENERS] = _discovery(f"{TYPES}.config.listener.v3.Listener", listeners)
    return Rendered(content, tuple(sorted(problems)))


def endpoints_file(key: str) -> str:
    """The file of one target's endpoints, below the directory; its name is safe whatever the key holds."""
    return f"{ENDPOINTS}/{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}.json"


def versions(rendered: dict[str, bytes], changed: set[str]) -> dict[str, str]:
    """The statistics that show the changed files in force, and the version each must show."""
    wanted = {}
    for name in changed & rendered.keys():
        if name == LISTENERS:
            wanted["listener_manager.lds.version_text"] = version_of(rendered[name])
        elif name == CLUSTERS:
            wanted["cluster_manager.cds.version_text"] = version_of(rendered[name])
        else:
            cluster = orjson.loads(rendered[name])["resources"][0]["cluster_name"]
            # Envoy writes a colon in names of statistics as an underscore.
            wanted[f"cluster.{cluster.replace(':', '_')}.version_text"] = version_of(rendered[name])
    return wanted


def version_of(content: bytes) -> str:
    """The version a file carries, which Envoy shows once it is in force."""
    return str(orjson.loads(content)["version_info"])


def bootstrap(directory: Path, node_name: str) -> bytes:
    """The configuration Envoy starts with: where the files are, and an admin socket that only this user can open."""
    document = {
        "node": {"id": node_name, "cluster": "bascule"},
        "admin": {"address": {"pipe": {"path": str(directory / "admin.sock"), "mode": 0o600}}},
        "dynamic_resources": {
            "lds_config": _source(directory, LISTENERS),
            "cds_config": _source(directory, CLUSTERS),
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": _typed(
                        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        {"max_active_downstream_connections": CONNECTIONS_MAX},
                    ),
                }
            ]
        },
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _source(directory: Path, name: str) -> dict[str, Any]:
    path = directory / name
    return {
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        "resource_api_version": "V3",
    }


def _discovery(type_url: str, resources: list[dict[str, Any]]) -> bytes:
    body = [{"@type": type_url, **resource} for resource in resources]
    digest = hashlib.blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
    return orjson.dumps({"version_info": digest, "resources": body}, option=orjson.OPT_SORT_KEYS)


def _cluster(key: str, target: Target, directory: Path) -> dict[str, Any]:
    return {
        "name": key,
        "type": "EDS",
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "MAGLEV" if target.sticky_seconds else "ROUND_ROBIN",
        "eds_cluster_config": {"service_name": key, "eds_config": _source(directory, endpoints_file(key))},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    }


def _assignment(key: str, target: Target) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": _address("TCP", address, port)}} for address, port in target.backends]
    return {"cluster_name": key, "endpoints": [{"lb_endpoints": endpoints}]}


def _address(protocol: str, address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"protocol": protocol, "address": address, "port_value": port}}


def _listener(key: str, frontend: Frontend, any_address: str) -> dict[str, Any]:
    address = frontend.address or any_address
    name = f"{frontend.protocol}:{address}:{frontend.port}"
    listener: dict[str, Any] = {
        "name": name,
        "address": _address(frontend.protocol.upper(), address, frontend.port),
        "stat_prefix": "service",
    }
    # Hashing the source address is what keeps a client with its backend (MAGLEV above).
    hashed: list[dict[str, Any]] = [{"source_ip": {}}]
    if frontend.protocol == "udp":
        route = {"name": "route", "typed_config": _typed("filters.udp.udp_proxy.v3.Route", {"cluster": key})}
        proxy = {"stat_prefix": "service", "matcher": {"on_no_match": {"action": route}}}
        listener["udp_listener_config"] = {"downstream_socket_config": {}}
        listener["listener_filters"] = [
            {
                "name": "envoy.filters.udp_listener.udp_proxy",
                "typed_config": _typed("filters.udp.udp_proxy.v3.UdpProxyConfig", proxy),
            }
        ]
        return listener
    stream: dict[str, Any] = {
        "stat_prefix": "service",
        "cluster": key,
        "hash_policy": hashed,
        "max_connect_attempts": 3,
    }
    listener["filter_chains"] = [
        {
            "filters": [
                {
                    "name": "envoy.filters.network.tcp_proxy",
                    "typed_config": _typed("filters.network.tcp_proxy.v3.TcpProxy", stream),
                }
            ]
        }
    ]
    return listener


def _typed(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"@type": f"{TYPES}.extensions.{name}", **body}
