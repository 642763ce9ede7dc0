"""How objects get from one version to another: not at all, or by a webhook."""

from __future__ import annotations

import binascii
import urllib.parse

from bascule.control.kinds import metadata, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_STRATEGIES = ("None", "Webhook")
_REVIEWS = ("v1", "v1beta1")
_PATH = "spec.conversion"
_CLIENT = f"{_PATH}.webhookClientConfig"
_URL = "desired format: https://host[/path]"


def problems(spec: Object, *, bundle_must_be_valid: bool, review_must_be_known: bool) -> Causes:
    """`bundle_must_be_valid`: of a definition that is served already; `review_must_be_known`: unless it was not."""
    conversion = shape.mapping(spec, "conversion")
    strategy, webhook = shape.text(conversion, "strategy"), shape.mapping(conversion, "webhook")
    client, reviews = webhook.get("clientConfig"), shape.texts(webhook, "conversionReviewVersions")
    if not strategy:
        yield errors.required(f"{_PATH}.strategy", "")
    elif strategy not in _STRATEGIES:
        yield errors.not_supported(f"{_PATH}.strategy", strategy, _STRATEGIES)
    if strategy != "Webhook":
        message = "should not be set when strategy is not set to Webhook"
        if type(client) is dict:
            yield errors.forbidden_field(_CLIENT, message)
        if reviews:
            yield errors.forbidden_field(f"{_PATH}.conversionReviewVersions", message)
        return
    if type(client) is dict:
        yield from _client(client, bundle_must_be_valid=bundle_must_be_valid)
    else:
        yield errors.required(_CLIENT, "required when strategy is set to Webhook")
    yield from _reviews(reviews, must_be_known=review_must_be_known)


def knows_reviews(spec: Object) -> bool:
    """Whether a definition asks for reviews of a version that is known, or for none."""
    webhook = shape.mapping(shape.mapping(spec, "conversion"), "webhook")
    reviews = shape.texts(webhook, "conversionReviewVersions")
    return not reviews or any(version in _REVIEWS for version in reviews)


def has_invalid_bundle(spec: Object) -> bool:
    client = shape.mapping(shape.mapping(shape.mapping(spec, "conversion"), "webhook"), "clientConfig")
    return any(_bundle(client))


def _client(client: Object, *, bundle_must_be_valid: bool) -> Causes:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield errors.required(_CLIENT, "exactly one of url or service is required")
    elif type(url) is str:
        yield from _url(f"{_CLIENT}.url", url)
    elif type(service) is dict:
        yield from _service(f"{_CLIENT}.service", service)
    if bundle_must_be_valid:
        yield from _bundle(client)


def _url(path: str, url: str) -> Causes:
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        yield errors.required(path, f"url must be a valid URL: {error}; {_URL}")
        return
    if parts.scheme != "https":
        yield errors.invalid_value(path, parts.scheme, f"'https' is the only allowed URL scheme; {_URL}")
    if not parts.netloc:
        yield errors.invalid_value(path, parts.netloc, f"host must be specified; {_URL}")
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        yield errors.invalid_value(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield errors.invalid_value(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield errors.invalid_value(path, parts.query, "query parameters are not permitted in the URL")


def _service(path: str, service: Object) -> Causes:
    for key in ("name", "namespace"):
        if not service.get(key):
            yield errors.required(f"{path}.{key}", f"service {key} is required")
    port = service.get("port", 443)
    if type(port) is int and not 1 <= port <= 65535:
        yield errors.invalid_value(f"{path}.port", port, "port is not valid: must be between 1 and 65535, inclusive")
    url = service.get("path")
    if type(url) is not str:
        return
    if url == "/":
        return
    if not url.startswith("/"):
        yield errors.invalid_value(f"{path}.path", url, "must start with a '/'")
    parts = url.removeprefix("/").removesuffix("/").split("/")
    for index, part in enumerate(parts):
        if not part:
            yield errors.invalid_value(f"{path}.path", url, f"segment[{index}] may not be empty")
        for problem in metadata.subdomain(part) if part else ():
            yield errors.invalid_value(f"{path}.path", url, f"segment[{index}]: {problem}")


def _bundle(client: Object) -> Causes:
    bundle = shape.text(client, "caBundle")
    if not bundle:
        return
    from cryptography import x509  # Few definitions have such a bundle.

    try:
        x509.load_pem_x509_certificates(binascii.a2b_base64(bundle))
    except ValueError as error:
        message = f"unable to load root certificates: unable to parse bytes as PEM block: {error}"
        yield errors.Cause("FieldValueInvalid", f"{_CLIENT}.caBundle", f"Invalid value: <binary>: {message}")


def _reviews(reviews: list[str], *, must_be_known: bool) -> Causes:
    path = f"{_PATH}.conversionReviewVersions"
    if not reviews:
        yield errors.required(path, "")
        return
    for index, version in enumerate(reviews):
        if version in reviews[:index]:
            yield errors.invalid_value(f"{path}[{index}]", version, "duplicate version")
            continue
        for problem in metadata.dns1035_label(version):
            yield errors.invalid_value(f"{path}[{index}]", version, problem)
    if must_be_known and not any(version in _REVIEWS for version in reviews):
        yield errors.invalid_value(path, reviews, f"must include at least one of {', '.join(_REVIEWS)}")
