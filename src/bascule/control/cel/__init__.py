"""The Common Expression Language: parsed, type-checked, priced and evaluated.

Knows Kubernetes' libraries, nothing of requests or objects. Pure: an expression sees the values it is given, and a
budget bounds what it may cost.
"""
