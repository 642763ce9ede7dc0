"""RBAC: roles and bindings compiled for each user, kept for as long as none of them changes."""
