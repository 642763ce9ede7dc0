"""Keys, certificates and kubeconfigs: who is who in an installation, and how that is proven.

`authority` signs, `requests` asks, `certificates` reads, `files` keeps them on disk whole or not at all, `pki` lays
out a fresh data directory (`making` does it, `seal` spares it). Elliptic curve P-256 throughout.
"""
