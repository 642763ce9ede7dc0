"""The environment in which Kubernetes runs expressions: which libraries are there, and which types have names."""

from __future__ import annotations

from bascule.control.cel import types
from bascule.control.cel.declarations import Environment
from bascule.control.cel.libraries import (
    addresses,
    conversions,
    formats,
    lists,
    mathematics,
    optionals,
    patterns,
    quantities,
    semvers,
    standard,
    strings,
    times,
    urls,
)

_LIBRARIES = (
    standard,
    conversions,
    times,
    strings,
    patterns,
    lists,
    mathematics,
    optionals,
    urls,
    quantities,
    addresses,
    formats,
    semvers,
)
_NAMED = {
    "bool": types.BOOL,
    "int": types.INT,
    "uint": types.UINT,
    "double": types.DOUBLE,
    "string": types.STRING,
    "bytes": types.BYTES,
    "null_type": types.NULL,
    "list": types.list_of(types.DYN),
    "map": types.map_of(types.DYN, types.DYN),
    "type": types.type_of(types.DYN),
    "optional_type": types.optional(types.DYN),
    "google.protobuf.Duration": types.DURATION,
    "google.protobuf.Timestamp": types.TIMESTAMP,
    **{
        name: types.opaque(name)
        for name in (addresses.IP, addresses.CIDR, urls.NAME, quantities.NAME, semvers.NAME, formats.NAME)
    },
}

ENVIRONMENT = Environment({}).with_libraries([module.LIBRARY for module in _LIBRARIES], _NAMED)
