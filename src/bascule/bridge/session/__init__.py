"""The delta protocol of the desired span as two pure state machines: `serving` and `following`.

`exchange` holds what they say to each other, `guard` the rules by which a node refuses what it is told.
"""
