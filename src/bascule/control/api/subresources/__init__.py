"""What hangs below an object: one file for each subresource that is more than a part of its object.

`doors` leads a request to its own; `rows` says for discovery which kind each speaks.
"""
