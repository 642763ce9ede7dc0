"""The node's main loop: makes the runtime hold what the ledger says, and reports what it sees.

`node.Node` is one node; `pods/` holds one worker for each pod around the pure `decide` and `status`.
The agent acts from the ledger at once, connected or not; the bridge only changes the ledger.
"""
