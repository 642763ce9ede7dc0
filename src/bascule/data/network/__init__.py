"""Services on the node: a pure plan (which frontend has which backends) compiled to an engine.

Invariant: the plan is a function of the ledger alone; an engine puts a whole plan in force or says why not, and never
applies a failed computation. Pod policies and pod-to-pod links over machines are not decided here.
"""
