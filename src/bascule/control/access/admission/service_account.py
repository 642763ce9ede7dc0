"""Every pod runs as a service account, with a token of its own that the node renews.

An update that leaves out what was added here, as `kubectl replace` of a user's file does, keeps it: none of it can
change anyway.
"""

from typing import Any, Final

from bascule.control.access import node, tokens
from bascule.control.access.admission import context, request
from bascule.vocabulary import names, objects

DEFAULT: Final = "default"
MOUNT_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX: Final = "kube-api-access-"
MIRROR: Final = "kubernetes.io/config.mirror"
ENFORCE: Final = "kubernetes.io/enforce-mountable-secrets"


def mutate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    spec = context.spec_of(obj)
    if MIRROR in objects.annotations(obj):
        if asked.operation == "CREATE" and not asked.subresource:
            _refuse_mirror(asked, spec)
        return
    if asked.subresource:
        return
    if asked.operation == "UPDATE":
        _keep(spec, (asked.old or {}).get("spec") or {})
    if asked.operation != "CREATE":
        return
    name = named(obj)
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = held.source.get("", "serviceaccounts", asked.cluster, asked.namespace, name)
    if account is None:
        text = f'error looking up service account {asked.namespace}/{name}: serviceaccount "{name}" not found'
        raise context.forbid(asked, text)
    if objects.annotations(account).get(ENFORCE, "").lower() in ("1", "t", "true"):
        _require_listed(asked, spec, account)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": item.get("name")} for item in account["imagePullSecrets"]]
    if _automounts(spec, account):
        _mount_token(held, spec)


def named(pod: objects.Object) -> str:
    """The account that a pod runs as."""
    spec = pod.get("spec") or {}
    name: str = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    return name


def _refuse_mirror(asked: request.AdmissionRequest, spec: dict[str, Any]) -> None:
    """What a node runs on its own word may not name what only the control plane hands out."""
    if spec.get("serviceAccountName"):
        raise context.forbid(asked, "a mirror pod may not reference service accounts")
    if node.references({"spec": spec}).secrets:
        raise context.forbid(asked, "a mirror pod may not reference secrets")
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                raise context.forbid(asked, "a mirror pod may not use ServiceAccountToken volume projections")


def _require_listed(asked: request.AdmissionRequest, spec: dict[str, Any], account: objects.Object) -> None:
    """An account with the annotation lets its pods have the secrets that it lists, and no others."""
    allowed = {item.get("name") for item in account.get("secrets") or ()}
    tail = f"is not allowed because service account {objects.name(account)} does not reference that"
    for volume in spec.get("volumes") or ():
        name = (volume.get("secret") or {}).get("secretName")
        if name and name not in allowed:
            raise context.forbid(asked, f'volume with secret.secretName="{name}" {tail} secret')
    for field, kind in (("initContainers", "init container"), ("containers", "container")):
        for container in spec.get(field) or ():
            for variable in container.get("env") or ():
                name = ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name")
                if name and name not in allowed:
                    who = f"{kind} {container.get('name')} with envVar {variable.get('name')}"
                    raise context.forbid(asked, f'{who} referencing secret.secretName="{name}" {tail} secret')
            for source in container.get("envFrom") or ():
                name = (source.get("secretRef") or {}).get("name")
                if name and name not in allowed:
                    who = f"{kind} {container.get('name')} with envFrom"
                    raise context.forbid(asked, f'{who} referencing secret.secretName="{name}" {tail} secret')
    pulled = {item.get("name") for item in account.get("imagePullSecrets") or ()}
    for index, item in enumerate(spec.get("imagePullSecrets") or ()):
        if item.get("name") not in pulled:
            text = f'imagePullSecrets[{index}].name="{item.get("name")}" {tail} imagePullSecret'
            raise context.forbid(asked, text)


def _keep(spec: dict[str, Any], before: dict[str, Any]) -> None:
    """Gives back the account, the token's volume and its mounts."""
    if not spec.get("serviceAccountName") and not spec.get("serviceAccount"):
        for field in ("serviceAccountName", "serviceAccount"):
            if before.get(field):
                spec[field] = before[field]
    volume = next((v for v in before.get("volumes") or () if str(v.get("name")).startswith(VOLUME_PREFIX)), None)
    held = {v.get("name") for v in spec.get("volumes") or ()}
    if volume is None or volume["name"] in held:
        return
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]
    for field in ("containers", "initContainers"):
        old = {container.get("name"): container for container in before.get(field) or ()}
        for container in spec.get(field) or ():
            mounted = old.get(container.get("name"), {}).get("volumeMounts") or ()
            lost = [mount for mount in mounted if mount.get("name") == volume["name"]]
            if lost:
                container["volumeMounts"] = [*(container.get("volumeMounts") or ()), *lost]


def _automounts(spec: dict[str, Any], account: objects.Object) -> bool:
    for holder in (spec, account):
        wanted = holder.get("automountServiceAccountToken")
        if wanted is not None:
            return bool(wanted)
    return True


def _mount_token(held: context.Context, spec: dict[str, Any]) -> None:
    volumes = spec.get("volumes") or []
    volume = ""
    if volumes:
        volume = next((v["name"] for v in volumes if str(v.get("name")).startswith(VOLUME_PREFIX)), "")
    needed = []
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        mounted = container.get("volumeMounts")
        if not mounted or not any(mount.get("mountPath") == MOUNT_PATH for mount in mounted):
            needed.append(container)
    if not needed:
        return
    name = volume or names.generate(VOLUME_PREFIX, held.random)
    for container in needed:
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    if not volume:
        spec["volumes"] = [*volumes, _token_volume(name)]


def _token_volume(name: str) -> dict[str, Any]:
    token = {"expirationSeconds": tokens.POD_EXPIRATION_SECONDS, "path": "token"}
    root = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": token},
        {"configMap": root},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
