"""A container's environment: values, references, `envFrom`, `$(VAR)` expansion, service variables. Pure."""

from __future__ import annotations

import re
from typing import Any

from bascule.data.agent.pods import fields, model
from bascule.data.agent.pods.fields import Addresses
from bascule.data.agent.sources import ConfigFault, Sources, data_of
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")


def expand(text: str, variables: dict[str, str]) -> str:
    """`$(NAME)` where NAME is known, `$$` as an escape; everything else stays as it is."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match[2], match[0])

    return _REFERENCE.sub(replacement, text)


def environment(pod: Object, container: model.Spec, sources: Sources, addresses: Addresses) -> list[tuple[str, str]]:
    """Name and value, later ones overriding earlier ones; ConfigFault where something is missing."""
    services = service_variables(
        sources.services(),
        namespace=objects.namespace(pod),
        links=model.spec(pod).get("enableServiceLinks", True) is not False,
    )
    out: dict[str, str] = {}
    for entry in container.get("envFrom") or ():
        out |= _from_object(entry, sources)
    known = dict(out)
    for entry in container.get("env") or ():
        name = entry["name"]
        if entry.get("valueFrom"):
            value = _reference(pod, container, entry["valueFrom"], sources, addresses)
            if value is None:
                continue
        else:
            value = expand(entry.get("value") or "", services | known)
        out[name] = known[name] = value
    return list((services | out).items())


def _from_object(entry: dict[str, Any], sources: Sources) -> dict[str, str]:
    prefix = entry.get("prefix") or ""
    for key, kind in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if ref := entry.get(key):
            found = sources.need(kind, ref["name"], optional=bool(ref.get("optional")))
            pairs = data_of(found) if found is not None else {}
            return {prefix + name: value.decode("utf-8", "replace") for name, value in pairs.items()}
    return {}


def _reference(
    pod: Object, container: model.Spec, source: dict[str, Any], sources: Sources, addresses: Addresses
) -> str | None:
    if ref := source.get("fieldRef"):
        return fields.field(pod, ref["fieldPath"], addresses)
    if ref := source.get("resourceFieldRef"):
        return fields.resource(pod, container["name"], ref, sources.allocatable())
    for key, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if ref := source.get(key):
            optional = bool(ref.get("optional"))
            found = sources.need(kind, ref["name"], optional=optional)
            value = data_of(found).get(ref["key"]) if found is not None else None
            if value is None and not optional:
                title = "ConfigMap" if kind == "configmaps" else "Secret"
                missing = f"couldn't find key {ref['key']} in {title} {sources.namespace}/{ref['name']}"
                raise ConfigFault(missing, awaited=True)
            return value.decode("utf-8", "replace") if value is not None else None
    raise ConfigFault("valueFrom names no source that is supported")


def service_variables(services: list[Object], *, namespace: str, links: bool) -> dict[str, str]:
    """Docker-link style variables; without links only those of the `kubernetes` service."""
    out: dict[str, str] = {}
    for service in services:
        spec = service.get("spec") or {}
        ip = spec.get("clusterIP")
        master = objects.name(service) == "kubernetes" and objects.namespace(service) == "default"
        own = links and objects.namespace(service) == namespace
        if not ip or ip == "None" or not spec.get("ports") or not (master or own):
            continue
        prefix = objects.name(service).upper().replace("-", "_")
        first = spec["ports"][0]
        out[f"{prefix}_SERVICE_HOST"] = ip
        out[f"{prefix}_SERVICE_PORT"] = str(first["port"])
        out[f"{prefix}_PORT"] = _url(first, ip)
        for port in spec["ports"]:
            if port.get("name"):
                out[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
            protocol = port.get("protocol") or "TCP"
            link = f"{prefix}_PORT_{port['port']}_{protocol}"
            out[link] = _url(port, ip)
            out |= {f"{link}_PROTO": protocol.lower(), f"{link}_PORT": str(port["port"]), f"{link}_ADDR": ip}
    return out


def _url(port: dict[str, Any], ip: str) -> str:
    return f"{(port.get('protocol') or 'TCP').lower()}://{ip}:{port['port']}"
