"""Containers that are only bookkeeping: for thousands of nodes in one process.

Everything starts at once and runs until it is stopped, unless a `Script` says otherwise. Nothing
outlives the process: losing it is, to the agent, a reboot.
"""
