"""Envoy on the node, configured from the ledger through files: Services without root now, gateways later.

Invariant: Envoy reads only its own directory. It knows neither agent nor control plane, so it runs, restarts and
reboots without either; the agent merely renews the files and starts it when it is gone.
"""
