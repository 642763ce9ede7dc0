"""What this node was last told, on disk before it is acted on; what it has to tell; what it must remember.

`ledger.Ledger` is the door. `schema` owns the file, `rows` the checksummed desired state, `outbox` the reports not
yet acknowledged, `changes` the subscriptions.
"""
