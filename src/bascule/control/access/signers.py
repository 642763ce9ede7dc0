"""The names of those who sign certificates here; each grants certificates for one use."""

from __future__ import annotations

from typing import Final

KUBELET_CLIENT: Final = "kubernetes.io/kube-apiserver-client-kubelet"
CLIENT: Final = "kubernetes.io/kube-apiserver-client"
KUBELET_SERVING: Final = "kubernetes.io/kubelet-serving"
