"""The functions that expressions may call: the language's own, its extensions, and Kubernetes' libraries.

Each module declares one `Library`; ``kubernetes`` puts them together as a server of version 1.36 has them.
"""
