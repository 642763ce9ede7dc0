"""Containers through containerd's CRI: real images, namespaces, CNI networking.

Each node runs a containerd of its own (`engine`), in its own session, so that it and its pods outlive
the agent. `schema` holds the part of the protocols that is used; `driver` keeps the contract.
"""
