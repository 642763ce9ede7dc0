"""The story in a terminal: what was promised is done to real processes, and what was seen is counted.

Read ``story`` (the acts), ``load`` (the requests), ``workload`` (what is deployed), ``harm`` (what is killed).
"""
