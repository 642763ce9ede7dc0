"""One installation on one machine: its directory, its processes, its host network. What ``bascule up`` sets up.

Read in this order: ``layout`` (where things are), ``choices`` (what a first ``up`` decides), ``plan`` (which
processes), ``supervisor`` and ``processes`` (keep them running), ``hostnet`` (links of the nodes), ``access`` (how to
get in), ``bringup`` and ``putdown`` (the order of it all).
"""
