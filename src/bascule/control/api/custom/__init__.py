"""Custom resources on the wire: which definitions are served in which cluster, how objects are kept and shown.

`definitions` finds the endpoint of a request, `form` turns stored bytes into the asked-for version and back, `webhook`
and `review` convert by others' code, `lifecycle` keeps the conditions of definitions and ends them with their objects.
"""
