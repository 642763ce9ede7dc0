"""Nothing is created in a namespace that is missing or going away, and the platform's namespaces stay."""

from bascule.control.access.admission import context, request
from bascule.vocabulary import errors, objects

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_REVIEWS = frozenset({"localsubjectaccessreviews", "subjectaccessreviews"})


def mutate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    if asked.operation != "CREATE" or not asked.namespace or asked.resource.plural in _REVIEWS:
        return
    namespace = held.namespace(asked)
    if namespace is None:
        raise errors.not_found("namespaces", asked.namespace)
    phase = (namespace.get("status") or {}).get("phase")
    if phase == "Terminating" or objects.deletion_timestamp(namespace):
        text = f"unable to create new content in namespace {asked.namespace} because it is being terminated"
        error = context.forbid(asked, text)
        error.details = (error.details or {}) | {
            "causes": [
                {
                    "reason": "NamespaceTerminating",
                    "message": f"namespace {asked.namespace} is being terminated",
                    "field": "metadata.namespace",
                }
            ]
        }
        raise error


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    if asked.operation == "DELETE" and asked.resource.plural == "namespaces" and asked.name in IMMORTAL:
        raise context.forbid(asked, "this namespace may not be deleted")
