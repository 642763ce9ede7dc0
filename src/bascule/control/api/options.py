"""Query parameters, checked once: what a verb is told besides the path and the body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl

from bascule.vocabulary import errors

FieldValidation = Literal["Ignore", "Warn", "Strict"]
_NUMBER: Final = re.compile("[+-]?[0-9]+", re.ASCII)
_NUMBER_DIGITS_MAX: Final = 64
_INT64: Final = range(-(1 << 63), 1 << 63)
_UNREADABLE: Final = re.compile("%(?![0-9A-Fa-f]{2})|;")
_MANAGER_MAX_LENGTH: Final = 128
_KNOWN_CHARACTERS_MAX: Final = 256
_FIELD_VALIDATIONS: Final = ("", "Ignore", "Strict", "Warn")
_KINDS: Final = {"update": "UpdateOptions", "patch": "PatchOptions"}


class Parameters(dict[str, str]):
    """The first value of each parameter. `all` gives every value of one that repeats (exec's `command`)."""

    __slots__ = ("pairs",)

    def __init__(self, query: str) -> None:
        if "%" in query or ";" in query:  # As upstream: what cannot be read was not said.
            query = "&".join(pair for pair in query.split("&") if not _UNREADABLE.search(pair))
        try:
            self.pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
        except ValueError as error:
            raise errors.bad_request(f"the query of the request cannot be read: {error}") from error
        super().__init__(reversed(self.pairs))

    def having(self, more: dict[str, str]) -> Parameters:
        """These and more."""
        made = Parameters("")
        made.pairs = [*self.pairs, *more.items()]
        made.update(self, **more)
        return made

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def flag(self, name: str) -> bool:
        """As upstream reads booleans: `false`, `0` and an absent parameter are false, anything else is true."""
        text = self.get(name)
        return text is not None and text.lower() not in ("false", "0")

    def number(self, name: str) -> int | None:
        """An integer within int64, None when absent; 400 for anything else, in the words of upstream's reader."""
        text = self.get(name)
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise errors.bad_request(unparsed("strconv.ParseInt", text))
        number = int(text) if len(text) <= _NUMBER_DIGITS_MAX else _INT64.stop
        if number not in _INT64:
            raise errors.bad_request(unparsed("strconv.ParseInt", text, "value out of range"))
        return number


def unparsed(reader: str, text: str, problem: str = "invalid syntax") -> str:
    """What upstream's reader of numbers says of a text, of which the beginning is shown."""
    return f'{reader}: parsing "{text[:64]}": {problem}'


NO_PARAMETERS: Final = Parameters("")


def parameters(query: str) -> Parameters:
    """What a query says; 400 where it cannot be read."""
    if not query:
        return NO_PARAMETERS
    return _known(query) if len(query) <= _KNOWN_CHARACTERS_MAX else Parameters(query)


_known = lru_cache(maxsize=256)(Parameters)
"""Nobody changes what was read, and most programs ask one thing again and again."""


class WriteOptions(NamedTuple):
    """What every write may be told."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: FieldValidation = "Warn"
    force: bool = False


NO_OPTIONS: Final = WriteOptions()


def write_options(parameters: Parameters, user_agent: str, verb: str = "create") -> WriteOptions:
    """Options of create, update and patch. The manager is named after the client where none is given."""
    if not parameters:
        return _unsaid(user_agent)
    manager, dry_run = parameters.get("fieldManager", ""), parameters.all("dryRun")
    validation = parameters.get("fieldValidation", "")
    causes = list(_manager_problems(manager))
    if set(dry_run) - {"All"}:
        causes.append(errors.not_supported("dryRun", dry_run, ["All"]))
    if validation not in _FIELD_VALIDATIONS:
        causes.append(errors.not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    if causes:
        raise errors.invalid(_KINDS.get(verb, "CreateOptions"), "meta.k8s.io", "", causes)
    manager = manager or _unsaid(user_agent).field_manager
    force = parameters.flag("force")
    return WriteOptions(bool(dry_run), manager, validation or "Warn", force)  # type: ignore[arg-type]


def _manager_problems(manager: str) -> Iterator[errors.Cause]:
    if len(manager.encode()) > _MANAGER_MAX_LENGTH:
        yield errors.too_long("fieldManager", _MANAGER_MAX_LENGTH)
    if manager.isprintable():
        return
    position = 0
    for character in manager:
        if not character.isprintable():
            text = f"invalid character U+{ord(character):04X} (at position {position})"
            yield errors.invalid_value("fieldManager", manager, text)
        position += len(character.encode())


@lru_cache(maxsize=256)
def _unsaid(user_agent: str) -> WriteOptions:
    return WriteOptions(field_manager=(user_agent.partition("/")[0] or "unknown")[:_MANAGER_MAX_LENGTH])
