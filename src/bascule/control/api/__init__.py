"""The HTTP server of the control tower: the Kubernetes API on the wire, the only door to the store.

Reading order: `route` (what a path names), `dispatch` (authenticate, authorize, hand to a verb), one file for
each verb (`get`, `listing`, `watching`, `creating`, `updating`, `patching`, `deleting`), `pipeline` (what happens
to an object on its way to the store; `identity` and `judgement` are parts of it), `respond` and `negotiate` (how an
answer is shaped).
"""
