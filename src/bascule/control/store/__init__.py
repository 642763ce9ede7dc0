"""Where the control tower keeps its objects: one small contract, and the engines that keep it.

Reading order: ``contract``, ``memory`` (the contract in its plainest form), ``sqlite`` and its parts.
"""
