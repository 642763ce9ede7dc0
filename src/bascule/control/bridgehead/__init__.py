"""The control end of the bridge: what each node needs, its reports, its liveness, the tunnel, joining.

A client of the API server like any other. `relevance` and `shape` decide (pure); `world` follows the API; `streams`
feeds the nodes; `reports` and `liveness` write as the nodes; `web` serves the API server and the operator; `app`
puts them together.
"""
