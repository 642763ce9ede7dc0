"""The API server's memory: objects as the bytes it will send, indexed, watched and paged at a revision.

Reading order: ``record`` and ``packing`` (what is kept of an object), ``resource`` (one resource's records), ``watch``,
``loading`` (from the store into memory), ``cache`` (all of them, fed by one store watch).
"""
