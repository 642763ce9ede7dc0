"""A Kubernetes API client: `kubeconfig` says where, `api.Client` asks, `informer.Informer` keeps a live copy.

For controllers, scheduler, bridgehead and console; the data tower may not import it. Works against any Kubernetes
API server; logical clusters (`cluster=`) exist only on ours. Objects are plain dicts and what an informer holds is
shared: read it, copy it, never change it.
"""
