"""What an operator may set for the controllers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`node_monitor_grace_seconds`: how long a node may be unconnected before it counts as lost;
    `node_lease_grace_seconds`: the same by its Lease, where no bridgehead vouches for it.
    `cluster_cidr` empty: nodes get no pod range from us.
    """

    root_ca: str = ""
    node_monitor_grace_seconds: float = 5.0
    node_lease_grace_seconds: float = 40.0
    cluster_cidr: str = ""
    terminated_pods_kept: int = 12500
