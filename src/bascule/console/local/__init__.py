"""One installation on one machine: its directory, its processes, its host network. What ``bascule up`` sets up.

Read in this order: ``layout`` (where things are), ``plan`` (which processes), ``supervisor`` (keeps them running),
``processes`` (starts and ends one), ``hostnet`` (links of the nodes), ``bringup`` (the order of it all).
"""
