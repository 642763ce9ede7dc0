"""The API server's memory: objects as the bytes it will send, indexed, watched and paged at a revision.

Reading order: ``record`` (what is kept of an object), ``resource`` (one resource's records), ``watch``,
``cache`` (all of them, fed by one store watch).
"""
