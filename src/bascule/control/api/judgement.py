"""What a kind says about a write: causes to refuse it, and warnings.

What users' own rules judge is begun here, and goes on elsewhere when it takes long (`slow`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from bascule.control.api import call as calls
from bascule.control.api import extent
from bascule.control.api import platform as platforms
from bascule.control.custom import effort
from bascule.control.kinds import strategy
from bascule.vocabulary import errors, objects


async def of_create(platform: platforms.Platform, call: calls.Call, obj: objects.Object) -> None:
    """Raises 422 with all causes."""
    kind = call.endpoint.strategy
    judge = kind.validate_create or kind.validate
    if kind.is_slow is not None:
        _refuse(call, obj, await _judged(platform, call, judge, obj))
        warnings = await call.aside(kind.warnings, obj)
    else:
        causes, warnings = await call.aside(kind.review or functools.partial(_review, judge, kind.warnings), obj)
        _refuse(call, obj, causes)
    for warning in warnings:
        call.warn(warning)


def _review(
    judge: strategy.Validate, warn: strategy.Warnings, obj: objects.Object
) -> tuple[list[errors.Cause], list[str]]:
    causes = judge(obj)
    return causes, [] if causes else warn(obj)


async def of_update(platform: platforms.Platform, call: calls.Call, new: objects.Object, old: objects.Object) -> None:
    """Raises 422 with all causes but those that are forgiven, because what they are about did not change."""
    _refuse(call, new, _unforgiven(call, await _judged(platform, call, _update_causes, call, new, old)))
    await _warn_of_update(call, new, old)


async def _judged(
    platform: platforms.Platform, call: calls.Call, judge: Callable[..., list[errors.Cause]], *arguments: Any
) -> list[errors.Cause]:
    """What a kind's validation says; what users wrote is begun here and goes on elsewhere when it takes long."""
    is_slow = call.endpoint.strategy.is_slow
    if is_slow is None:
        return await call.aside(judge, *arguments)
    if not call.large and not is_slow():
        try:
            with effort.within(effort.MOMENT):
                return judge(*arguments)
        except effort.TooLongError:
            pass
    try:
        return await platform.slow.run(call.user, judge, *arguments)
    except effort.TooLongError:
        from bascule.control.custom import rules

        return [errors.Cause("FieldValueInvalid", "<nil>", f'Invalid value: "null": {rules.OUT_OF_BUDGET}')]


def _update_causes(call: calls.Call, new: objects.Object, old: objects.Object) -> list[errors.Cause]:
    kind = call.endpoint.strategy
    if call.subresource == "status":
        return kind.validate_status(new, old)
    if call.subresource in kind.doors:
        return [*kind.validate(new), *kind.doors[call.subresource](new, old)]
    if call.subresource in ("resize", "ephemeralcontainers", "binding", "approval"):
        return kind.validate(new)
    return ([] if kind.update_validates_alone else kind.validate(new)) + kind.validate_update(new, old)


def _unforgiven(call: calls.Call, causes: list[errors.Cause]) -> list[errors.Cause]:
    """The causes to refuse for; of the others, those who write are warned."""
    for cause in causes:
        if cause.type == strategy.FORGIVEN:
            call.warn(f"{cause.field}: {cause.message}")
    return [cause for cause in causes if cause.type != strategy.FORGIVEN]


async def _warn_of_update(call: calls.Call, new: objects.Object, old: objects.Object) -> None:
    kind = call.endpoint.strategy
    if call.subresource or not kind.warns_on_update:
        return
    if kind.update_warnings is not None:
        for warning in await call.aside(kind.update_warnings, new, old):
            call.warn(warning)
        return
    if not kind.generation or objects.generation(new) != objects.generation(old):
        for warning in await call.aside(kind.warnings, new):
            call.warn(warning)


def _refuse(call: calls.Call, obj: objects.Object, causes: list[errors.Cause]) -> None:
    if causes:
        raise extent.refusal(call.resource.kind, call.resource.group, objects.name(obj), causes)
