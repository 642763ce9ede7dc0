"""Containers as plain processes: for machines without root or without containerd.

An image is only a label here and a command is required. There is no private file system: a
container's working directory is a directory of its own in which its volumes appear under their
mount paths (`./etc/config` for a mount at /etc/config), also named by `BASCULE_ROOT`.
"""
