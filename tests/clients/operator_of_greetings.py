"""An operator as people write them with kopf: a Greeting becomes a ConfigMap, follows it, and goes with it."""

import kopf
import kubernetes


@kopf.on.create("example.com", "v1", "greetings")
def create(spec, name, namespace, body, **_):
    document = {"metadata": {"name": name}, "data": {"text": f"{spec['word']}, {spec['whom']}"}}
    kopf.adopt(document, owner=body)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, document)
    return {"map": name}


@kopf.on.update("example.com", "v1", "greetings", field="spec")
def update(spec, name, namespace, **_):
    change = {"data": {"text": f"{spec['word']}, {spec['whom']}"}}
    kubernetes.client.CoreV1Api().patch_namespaced_config_map(name, namespace, change)
    return {"said": change["data"]["text"]}


@kopf.on.delete("example.com", "v1", "greetings")
def delete(name, namespace, **_):
    document = {"metadata": {"name": f"farewell-{name}"}}
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, document)


@kopf.on.startup()
def configure(settings, **_):
    settings.posting.enabled = False
    kubernetes.config.load_kube_config()
