"""The only way between the towers: desired state down, actual state up, tunnels through.

Read `messages` (the words), `session` (the delta protocol, pure), `wire` and `transport` (gRPC), then the two ends:
`node` here, and `bascule.control.bridgehead` in the other tower.
"""

import os

# What gRPC's core writes to stderr itself is no JSON line and says nothing that its errors do not say.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
