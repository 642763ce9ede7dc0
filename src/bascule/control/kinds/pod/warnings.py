"""What is allowed in pods but seldom meant, or on its way out: said to who writes, never refused."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.control.kinds import check, metadata, shape
from bascule.control.kinds.pod import annotated, approved, claims, port_warnings, windows
from bascule.vocabulary import names
from bascule.vocabulary.objects import Object

_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_VOLUMES = {
    "photonPersistentDisk": "photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "scaleIO: deprecated in v1.16, non-functional in v1.22+",
    "flocker": "flocker: deprecated in v1.22, non-functional in v1.25+",
    "storageos": "storageOS: deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "quobyte: deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "glusterfs: deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "cephfs: deprecated in v1.28, non-functional in v1.31+",
    "rbd": "rbd: deprecated in v1.28, non-functional in v1.31+",
}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_LABEL_MAX = 63
_FRACTIONAL = ("memory", "ephemeral-storage")
_MATCHES_NONE = "a null labelSelector results in matching no pod"


def of_pod(pod: Object) -> list[str]:
    return [*of_name(shape.text(shape.mapping(pod, "metadata"), "name")), *_of("", pod)]


def are_noted(annotations: Object) -> bool:
    """Whether something is said of these besides what `annotated.of` finds in them."""
    return not annotations.keys().isdisjoint(_ANNOTATIONS)


def of_spec(spec: Object) -> tuple[str, ...]:
    """Of a pod without annotations of which something is said, whatever it is called."""
    return tuple(_of("", {"spec": spec}))


def of_name(name: str) -> list[str]:
    """Of what a pod is called."""
    # A name is a subdomain, so one without dots that is short enough is a label.
    problems = metadata.label(name) if "." in name or len(name) > _LABEL_MAX else ()
    if not problems:
        return []
    return [
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
        f"a DNS label is recommended: [{' '.join(problems)}]"
    ]


def of_template(path: str, template: Object) -> list[str]:
    """Of the template at `path`, for example `spec.template`."""
    return list(_of(f"{path}.", template))


def of_node_label(key: str) -> str | None:
    """Why a node's label is not to be used any more; None for the others."""
    return _NODE_LABELS.get(key)


def _of(prefix: str, obj: Object) -> Iterator[str]:
    spec, path = shape.mapping(obj, "spec"), f"{prefix}spec"
    own = shape.mapping(shape.mapping(obj, "metadata"), "annotations")
    affinity = spec.get("affinity")
    if spec.get("nodeSelector") or affinity or spec.get("topologySpreadConstraints"):
        yield from _scheduling(path, spec)
    if own:
        for key, message in _ANNOTATIONS.items():
            if key in own:
                yield f"{prefix}metadata.annotations[{key}]: {message}"
    if spec.get("volumes"):
        yield from _volumes(f"{path}.volumes", shape.items(spec, "volumes"))
    if spec.get("hostAliases") or spec.get("imagePullSecrets"):
        yield from _lists(path, spec)
    if spec.get("overhead"):
        for name in _FRACTIONAL:
            yield from _fraction(f"{path}.overhead[{name}]", shape.mapping(spec, "overhead").get(name))
    yield from _containers(prefix, spec, own)
    grace = spec.get("terminationGracePeriodSeconds")
    if type(grace) is int and grace < 0:
        message = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{path}.terminationGracePeriodSeconds: {message}"
    if affinity:
        for kind in ("podAffinity", "podAntiAffinity"):
            yield from _pod_terms(f"{path}.affinity.{kind}", shape.mapping(shape.mapping(spec, "affinity"), kind))


def _scheduling(path: str, spec: Object) -> Iterator[str]:
    for key in shape.mapping(spec, "nodeSelector"):
        if key in _NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {_NODE_LABELS[key]}"
    affinity = shape.mapping(shape.mapping(spec, "affinity"), "nodeAffinity")
    yield from _node_affinity(f"{path}.affinity.nodeAffinity", affinity)
    for index, constraint in enumerate(shape.items(spec, "topologySpreadConstraints")):
        at, key = f"{path}.topologySpreadConstraints[{index}]", shape.text(constraint, "topologyKey")
        if key in _NODE_LABELS:
            yield f"{at}.topologyKey: {key} is {_NODE_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{at}.labelSelector: {_MATCHES_NONE}"


def _node_affinity(path: str, affinity: Object) -> Iterator[str]:
    terms = shape.items(shape.mapping(affinity, _REQUIRED), "nodeSelectorTerms")
    for index, term in enumerate(terms):
        yield from _node_term(f"{path}.{_REQUIRED}.nodeSelectorTerms[{index}]", term, values=False)
    for index, weighted in enumerate(shape.items(affinity, _PREFERRED)):
        term = shape.mapping(weighted, "preference")
        yield from _node_term(f"{path}.{_PREFERRED}[{index}].preference", term, values=True)


def _node_term(path: str, term: Object, *, values: bool) -> Iterator[str]:
    for index, expression in enumerate(shape.items(term, "matchExpressions")):
        at, key = f"{path}.matchExpressions[{index}]", shape.text(expression, "key")
        if key in _NODE_LABELS:
            yield f"{at}.key: {key} is {_NODE_LABELS[key]}"
        for number, value in enumerate(shape.texts(expression, "values")) if values else ():
            for problem in names.label_value_problems(value):
                yield f"{at}.values[{number}]: {value} is invalid, {problem}"


def _pod_terms(path: str, affinity: Object) -> Iterator[str]:
    for index, term in enumerate(shape.items(affinity, _REQUIRED)):
        if term.get("labelSelector") is None:
            yield f"{path}.{_REQUIRED}[{index}].labelSelector: {_MATCHES_NONE}"
    for index, weighted in enumerate(shape.items(affinity, _PREFERRED)):
        if shape.mapping(weighted, "podAffinityTerm").get("labelSelector") is None:
            yield f"{path}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_MATCHES_NONE}"


def _volumes(path: str, volumes: list[Object]) -> Iterator[str]:
    tokens: set[str] = set()
    for index, volume in enumerate(volumes):
        for kind in volume:
            if kind in _VOLUMES and volume[kind] is not None:
                yield f"{path}[{index}].{_VOLUMES[kind]}"
        if volume.get("ephemeral"):
            template = shape.mapping(shape.mapping(volume, "ephemeral"), "volumeClaimTemplate")
            at = f"{path}[{index}].ephemeral.volumeClaimTemplate.spec"
            yield from claims.warnings(at, shape.mapping(template, "spec"))
        if volume.get("projected"):
            for source in shape.items(shape.mapping(volume, "projected"), "sources"):
                token = source.get("serviceAccountToken")
                if type(token) is dict:
                    tokens.add(shape.text(token, "path"))
    if tokens:
        for index, volume in enumerate(volumes):
            if volume.get("projected"):
                yield from _hiding(f"{path}[{index}].projected", shape.mapping(volume, "projected"), sorted(tokens))


@approved.part
def _hiding(path: str, projected: Object, tokens: list[str]) -> Iterator[str]:
    """Files of a projected volume where a token is to be."""
    for source in shape.items(projected, "sources"):
        for kind, shown in (("configMap", "configMap"), ("secret", "secrets"), ("downwardAPI", "downwardAPI")):
            if source.get(kind):
                for number, item in enumerate(shape.items(shape.mapping(source, kind), "items")):
                    yield from _hidden(f"{path}.sources.{shown}[{number}]", item, tokens)
        if source.get("clusterTrustBundle"):
            yield from _hidden(
                f"{path}.sources.ClusterTrustBundle", shape.mapping(source, "clusterTrustBundle"), tokens
            )


def _hidden(path: str, item: Object, tokens: list[str]) -> Iterator[str]:
    target = shape.text(item, "path")
    if target and target in tokens:
        yield f'{path}: has duplicated path with ServiceAccountToken "{target}"'


def _lists(path: str, spec: Object) -> Iterator[str]:
    seen: set[str] = set()
    for index, alias in enumerate(shape.items(spec, "hostAliases")):
        address = shape.text(alias, "ip")
        if address in seen:
            yield f'{path}.hostAliases[{index}].ip: duplicate ip "{address}"'
        seen.add(address)
    secrets = [shape.text(secret, "name") for secret in shape.items(spec, "imagePullSecrets")]
    for index, name in enumerate(secrets):
        if name in secrets[:index]:
            yield f'{path}.imagePullSecrets[{index}].name: duplicate name "{name}"'
    for index, name in enumerate(secrets):
        if not name:
            yield f'{path}.imagePullSecrets[{index}].name: invalid empty name ""'


def _fraction(path: str, value: object) -> Iterator[str]:
    if type(value) is str and (check.milli(value) or 0) % 1000:
        yield f'{path}: fractional byte value "{value}" is invalid, must be an integer'


def _containers(prefix: str, spec: Object, own: Object) -> Iterator[str]:
    at, with_ports = f"{prefix}metadata.annotations", 0
    context = shape.mapping(spec, "securityContext")
    if own and annotated.SECCOMP_POD in own and not context.get("seccompProfile"):
        yield f"{at}[{annotated.SECCOMP_POD}]: {_SECCOMP}"
    for role in windows.CONTAINERS:
        if not spec.get(role):
            continue
        for index, container in enumerate(shape.items(spec, role)):
            for port in shape.items(container, "ports") if "ports" in container else ():
                with_ports += 2 if port.get("hostIP") else 1
            if own:
                yield from _profiles(at, container, context, own, template=bool(prefix))
            if container.get("resources"):
                resources = shape.mapping(container, "resources")
                yield from _fractions(f"{prefix}spec.{role}[{index}].resources", resources)
            if container.get("env"):
                yield from _variables(f"{prefix}spec.{role}[{index}].env", shape.items(container, "env"))
    if with_ports > 1:
        yield from port_warnings.found(f"{prefix}spec", spec)


def _fractions(path: str, resources: Object) -> Iterator[str]:
    for side in ("limits", "requests"):
        amounts = resources.get(side)
        if type(amounts) is dict:
            for name in _FRACTIONAL:
                if name in amounts:
                    yield from _fraction(f"{path}.{side}[{name}]", amounts[name])


def _profiles(at: str, container: Object, pod_context: Object, own: Object, *, template: bool) -> Iterator[str]:
    context, name = shape.mapping(container, "securityContext"), shape.text(container, "name")
    key = annotated.SECCOMP_CONTAINER + name
    if key in own and not context.get("seccompProfile"):
        yield f"{at}[{key}]: {_SECCOMP}"
    key = annotated.APP_ARMOR + name
    if template and key in own and not context.get("appArmorProfile") and not pod_context.get("appArmorProfile"):
        yield f'{at}[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead'


def _variables(path: str, variables: list[Object]) -> Iterator[str]:
    seen = set()
    for index, variable in enumerate(variables):
        name, value = shape.text(variable, "name"), shape.text(variable, "value")
        reference = f"$({name})"
        if name in seen and (variable.get("valueFrom") is not None or value == reference or reference not in value):
            message = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{path}[{index}]: {message}"
        seen.add(name)
