"""Gives pending pods a node.

Read ``demand`` (a pod), ``columns`` (all nodes), ``world``, ``filters``, ``scores``, ``decide``, ``service``.
Invariant: a decision is a function of the world and the pod; whole columns of nodes are filtered and scored at once,
never node by node. Binding is a request to the API server, which may refuse it. Pods of lower priority go for one that
finds no room.
"""
