"""DNS for Services and pods, answered on the node from its ledger by a process of its own.

Invariant: a name of the cluster is answered without asking anyone, whether agent and control plane live or not.
Names outside the cluster's domain go to the node's own resolvers. Only logical cluster ``root`` has names yet.
"""
