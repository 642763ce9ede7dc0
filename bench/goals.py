"""What the design asks for, and what a peer took elsewhere.

The peer (kube-apiserver 1.36 with etcd 3.5, kube-scheduler 1.36) was measured on another day, on a quiet machine with
two cores, over TLS. Beside it ran a bare aiohttp server, at 43 µs of CPU for each GET. CPU is therefore compared in
units of the bare server *of the same run*: that is what makes figures of different machines and hours comparable.
"""

from __future__ import annotations

from typing import NamedTuple

PEER_RAW_US = 43.0


class Goal(NamedTuple):
    """``limit`` and ``peer`` in the figure's unit; ``scaled``: CPU or time that grows with the machine's slowness.

    ``floor``: more is better (the limit is the least); compared by rate.
    """

    limit: float | None
    peer: float | None
    scaled: bool = True
    floor: bool = False


GOALS: dict[str, Goal] = {
    "GET ConfigMap": Goal(72, 286),
    "create ConfigMap": Goal(173, 692),
    "create Pod": Goal(260, 1035),
    "create Pod, no two specifications alike": Goal(260, 1035),
    "update ConfigMap": Goal(None, None),
    "merge patch of a ConfigMap": Goal(None, None),
    "strategic patch of a Pod's status": Goal(430, 1724),
    "server-side apply of a ConfigMap": Goal(256, 1022),
    "watch event delivered (300 watchers)": Goal(3.5, 10.7),
    "list of 10,000 pods": Goal(0.096, 0.48),
    "the same at resourceVersion 0": Goal(None, None),
    "the same as a Table": Goal(0.083, 0.414),
    "the same, a selector keeping none": Goal(0.039, 0.196),
    "resident memory, 25,000 objects": Goal(80, 800, scaled=False),
    "resident memory, 25,000 objects, after a start": Goal(80, 800, scaled=False),
    "start to ready, empty": Goal(1.0, 2.1),
    "start to ready, 100,000 objects": Goal(1.0, None),
    "endpoint change → in force on the node, idle": Goal(100, None),
    "schedule at 5,000 nodes: basic": Goal(1350, 254, floor=True),
    "schedule at 5,000 nodes: zone spread": Goal(450, 90, floor=True),
    "schedule at 5,000 nodes: host anti-affinity": Goal(360, 72, floor=True),
    "nftables: 10,000 services as maps": Goal(0.3, 18.7),
}
