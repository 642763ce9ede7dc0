"""Bascule: a multi-tenant Kubernetes platform in two towers, joined by one bridge.

Read in this order: ``vocabulary`` (the words), ``bridge`` (the only way across), ``control`` (decides),
``data`` (acts), ``console`` (talks to the platform as any client does).
"""

__version__ = "0.1.0"
