"""What is answered where nothing is served, and where a method means nothing: in each place in upstream's form.

Paths of built-in group versions get a Status, all others plain text, which clients take for the same.
"""

from __future__ import annotations

from bascule.control.api import endpoint as endpoints
from bascule.control.api import route
from bascule.vocabulary import errors, resources

TEXT = "404 page not found\n"


class Nowhere(errors.StatusError):
    """A path at which nothing is served, told as `TEXT`."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", TEXT.strip())


def unserved(found: route.Route, registry: resources.Registry) -> errors.StatusError:
    """404 for a resource that there is none of, by the place in which it was looked for."""
    built_in = (found.group, found.version) in registry.group_versions()
    return errors.path_not_found() if built_in else Nowhere()


def nothing_at(path: str, registry: resources.Registry) -> errors.StatusError:
    """The same for a path that names no resource."""
    match path.split("/")[1:]:
        case ["api", version, _, *_]:
            return unserved(route.Route("", path, "", version), registry)
        case ["apis", group, version, _, *_]:
            return unserved(route.Route("", path, group, version), registry)
    return Nowhere()


def no_subresource(endpoint: endpoints.Endpoint, name: str) -> errors.StatusError:
    """404; of a custom resource as if there were no such object."""
    if endpoint.prune is None:
        return errors.path_not_found()
    return errors.not_found(endpoint.resource.qualified, name)


def refused(endpoint: endpoints.Endpoint, verb: str) -> errors.StatusError:
    """405; of a custom resource with the verb and the resource."""
    if endpoint.prune is None:
        return errors.method_not_allowed()
    resource = endpoint.resource
    text = f'{verb} is not supported on resources of kind "{resource.qualified}"'
    return errors.StatusError(405, "MethodNotAllowed", text, {"group": resource.group, "kind": resource.plural})


def nameless(endpoint: endpoints.Endpoint) -> errors.StatusError:
    """For an update or a patch of a whole collection."""
    return errors.method_not_allowed() if endpoint.prune is None else errors.bad_request("name must be provided")
