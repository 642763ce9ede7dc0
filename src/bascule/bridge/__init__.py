"""The only way between the towers: desired state down, actual state up, tunnels through.

Read `messages` (the words), `session` (the delta protocol, pure), `wire` and `transport` (gRPC), then the two ends:
`node` here, and `bascule.control.bridgehead` in the other tower.
"""
