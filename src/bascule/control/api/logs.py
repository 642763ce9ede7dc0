"""JSON lines to stderr, one for each record."""

from __future__ import annotations

import logging
import sys
from typing import Final

import orjson

from bascule.vocabulary import clock, timestamps

_FIELDS: Final = ("method", "path")


class JsonFormatter(logging.Formatter):
    def __init__(self, component: str, time: clock.Clock) -> None:
        super().__init__()
        self._component = component
        self._time = time

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": timestamps.format_micro(self._time.now()),
            "level": record.levelname.lower(),
            "component": self._component,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {field: getattr(record, field) for field in _FIELDS if hasattr(record, field)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure(component: str, level: str, time: clock.Clock) -> None:
    """All of the process's logging, from here on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(component, time))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
