"""The Node authorizer: a node's identity reaches what its own pods need, and nothing else."""
