"""What people hold in their hands: the ``bascule`` command. It talks to the platform as any client does.

Invariant: neither tower's inside is imported here. The towers are started as programs, and asked over the wire.
"""
