"""What each kind does with its own objects: defaults, preparation, validation, printing, selectable fields.

`kinds.strategy_for(group, plural)` is the door; `table.py` lists the kinds, one row each, and every kind with
behaviour of its own has a file here. Pure functions on plain dicts.
"""

from bascule.control.kinds.table import strategy_for

__all__ = ["strategy_for"]
