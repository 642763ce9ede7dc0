"""A pod's life on its node. `decide` and `status` are pure; `worker` carries out what they say."""
