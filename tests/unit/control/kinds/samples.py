"""Small valid objects, one for each kind whose behaviour the tests look into."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
CERTIFICATE_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIS01IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWFtRnVaVEJaTUJN"
    "R0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQkI0aGlaQWVjelhISUIvTTg2YjhaTFJxZ0NqK3BvYkxpYXJNQXF6M1ZTY2Yv"
    "eUwvMDl5NEo4d1ZreXBQCmhyVHk2empzUW42UUtLMmJtUldiN3NuaThYS2dBREFLQmdncWhrak9QUVFEQWdOSkFEQkdBaUVBMk0r"
    "VHJ6bU4KZ2c5U1dvVXpkSGhXbmcxU0VkKy9lYkxGSnltUkMycGFZMUlDSVFEc0lTemFKTllvTkNPM0xmYkV4akV4YklNYwpzRlRM"
    "OXlLeFM4cTBNYXY2dFE9PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K"
)
"""Base64 of a PEM request for the name jane; the key it was made with is kept nowhere."""


def metadata(name: str = "web", **more: Any) -> Object:
    return {"name": name, "namespace": "default", "uid": "u-1", **more}


def template(**spec: Any) -> Object:
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}], **spec},
    }


def workload(kind: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata(),
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec},
    }


def pod() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(labels={"app": "web"}, annotations={"a/b": "c"}),
        "spec": {
            "initContainers": [
                {"name": "init", "image": "busybox"},
                {"name": "mesh", "image": "mesh:1", "restartPolicy": "Always"},
            ],
            "containers": [
                {
                    "name": "web",
                    "image": "nginx:1.25",
                    "ports": [{"containerPort": 80, "name": "http"}],
                    "env": [
                        {"name": "A", "value": "b"},
                        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                    "resources": {"limits": {"cpu": "1000m", "memory": "128Mi"}, "requests": {"cpu": 0.1}},
                    "livenessProbe": {"exec": {"command": ["true"]}},
                    "readinessProbe": {"httpGet": {"port": "http"}},
                    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
                    "volumeMounts": [{"name": "cfg", "mountPath": "/cfg"}],
                }
            ],
            "serviceAccountName": "default",
            "volumes": [
                {"name": "cfg", "configMap": {"name": "cfg"}},
                {"name": "tmp"},
                {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
            ],
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}],
            "affinity": {
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
                    ]
                }
            },
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        },
        "status": {
            "phase": "Running",
            "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 0}}, "restartCount": 0}],
            "containerStatuses": [{"name": "web", "ready": True, "state": {"running": {}}, "restartCount": 2}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def service(**spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(),
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "name": "http"}], **spec},
    }


def job(**spec: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(),
        "spec": {"template": template(restartPolicy="Never"), **spec},
    }


def stateful_set() -> Object:
    obj = workload("StatefulSet", serviceName="web")
    obj["spec"]["volumeClaimTemplates"] = [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    mounts = [{"name": "data", "mountPath": "/data"}]
    obj["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = mounts
    return obj


def network_policy() -> Object:
    rule = {
        "ports": [{"port": 80}],
        "from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, {"podSelector": {}}],
    }
    return {"metadata": metadata(), "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [rule]}}


def ingress() -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "metadata": metadata(),
        "spec": {"ingressClassName": "envoy", "rules": [{"host": "a.example.com", "http": {"paths": [path]}}]},
    }


def webhooks() -> Object:
    webhook = {
        "name": "a.example.com",
        "clientConfig": {"service": {"name": "hook", "namespace": "default"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {"metadata": {"name": "hooks"}, "webhooks": [webhook]}


def custom_resource_definition() -> Object:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [version],
        },
    }


VALID: dict[tuple[str, str], Object] = {
    ("", "pods"): pod(),
    ("", "services"): service(),
    ("", "configmaps"): {"metadata": metadata(), "data": {"a": "b"}, "binaryData": {"c": "ZA=="}},
    ("", "secrets"): {"metadata": metadata(), "data": {"a": "Yg=="}, "stringData": {"c": "d"}},
    ("", "namespaces"): {"metadata": {"name": "team"}},
    ("", "nodes"): {
        "metadata": {"name": "n1", "labels": {"node-role.kubernetes.io/worker": ""}},
        "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]},
        "status": {
            "capacity": {"cpu": "2", "memory": "4Gi"},
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {
                **dict.fromkeys(("machineID", "systemUUID", "bootID", "kubeProxyVersion"), ""),
                **dict.fromkeys(("kernelVersion", "osImage", "containerRuntimeVersion"), ""),
                "operatingSystem": "linux",
                "architecture": "amd64",
                "kubeletVersion": "v1.36.0",
            },
        },
    },
    ("", "serviceaccounts"): {"metadata": metadata()},
    ("", "persistentvolumes"): {
        "metadata": {"name": "pv"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/data"},
            "claimRef": {"namespace": "default", "name": "data"},
        },
    },
    ("", "persistentvolumeclaims"): {
        "metadata": metadata(),
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
    },
    ("", "endpoints"): {
        "metadata": metadata(),
        "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}],
    },
    ("", "events"): {
        "metadata": metadata(),
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "reason": "Started",
        "message": "Started it",
        "type": "Normal",
        "lastTimestamp": "2026-01-02T03:04:00Z",
    },
    ("", "limitranges"): {
        "metadata": metadata(),
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "1Mi"}}]},
    },
    ("", "resourcequotas"): {"metadata": metadata(), "spec": {"hard": {"pods": "10", "limits.cpu": "2"}}},
    ("", "replicationcontrollers"): {"metadata": metadata(), "spec": {"template": template()}},
    ("apps", "deployments"): workload("Deployment"),
    ("apps", "replicasets"): workload("ReplicaSet"),
    ("apps", "daemonsets"): workload("DaemonSet"),
    ("apps", "statefulsets"): stateful_set(),
    ("apps", "controllerrevisions"): {"metadata": metadata(), "data": {"spec": {}}, "revision": 1},
    ("batch", "jobs"): job(),
    ("batch", "cronjobs"): {
        "metadata": metadata(),
        "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template(restartPolicy="Never")}}},
    },
    ("discovery.k8s.io", "endpointslices"): {
        "metadata": metadata(),
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"port": 80}],
    },
    ("networking.k8s.io", "networkpolicies"): network_policy(),
    ("networking.k8s.io", "ingresses"): ingress(),
    ("autoscaling", "horizontalpodautoscalers"): {
        "apiVersion": "autoscaling/v2",
        "metadata": metadata(),
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3},
    },
    ("policy", "poddisruptionbudgets"): {
        "metadata": metadata(),
        "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
    },
    ("scheduling.k8s.io", "priorityclasses"): {"metadata": {"name": "high"}, "value": 1000},
    ("coordination.k8s.io", "leases"): {"metadata": metadata(), "spec": {"leaseDurationSeconds": 15}},
    ("storage.k8s.io", "storageclasses"): {"metadata": {"name": "fast"}, "provisioner": "example.com/disk"},
    ("storage.k8s.io", "csidrivers"): {"metadata": {"name": "disk.example.com"}, "spec": {}},
    ("rbac.authorization.k8s.io", "roles"): {
        "metadata": metadata(),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    },
    ("rbac.authorization.k8s.io", "rolebindings"): {
        "metadata": metadata(),
        "roleRef": {"kind": "Role", "name": "reader"},
        "subjects": [{"kind": "User", "name": "ann"}, {"kind": "ServiceAccount", "name": "a", "namespace": "b"}],
    },
    ("certificates.k8s.io", "certificatesigningrequests"): {
        "metadata": {"name": "csr"},
        "spec": {
            "request": CERTIFICATE_REQUEST,
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    },
    ("apiextensions.k8s.io", "customresourcedefinitions"): custom_resource_definition(),
    ("apiregistration.k8s.io", "apiservices"): {
        "metadata": {"name": "v1.apps"},
        "spec": {"group": "apps", "version": "v1", "groupPriorityMinimum": 17800, "versionPriority": 15},
    },
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): webhooks(),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): {
        "metadata": {"name": "level"},
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}},
    },
    ("resource.k8s.io", "resourceclaims"): {
        "metadata": metadata(),
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}},
    },
}
