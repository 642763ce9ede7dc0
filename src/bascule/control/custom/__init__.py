"""Custom resources as values: structural schemas, and what they do to an object (prune, default, validate).

Pure. What is served, where and in which version is `control.api`'s; the kind CustomResourceDefinition is a kind as
any other (`control.kinds`).
"""
