"""What runs pods: the contract (`contract`) and its drivers `containerd`, `process` and `hollow`.

A driver knows sandboxes and containers, not pods: restarts, probes and volumes are the agent's
business. What a driver started outlives the process that asked for it.
"""
