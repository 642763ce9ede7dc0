"""The words both towers speak: objects, resources, names, labels, quantities, conditions, errors, clock.

Invariant: nothing here does I/O, keeps state or knows of a tower.
"""
