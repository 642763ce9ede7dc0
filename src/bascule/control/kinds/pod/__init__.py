"""Pods and pod templates: what they share (containers, volumes, scheduling) and what only pods do."""
