"""What lasts or passes through: logs, exec, attach, port-forward and the proxies, by way of the nodes' tunnels.

The API server opens no connection to a pod or a node: every byte goes through the bridgehead that holds the node.
"""
