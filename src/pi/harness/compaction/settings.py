"""When to compact and how much to keep: the user's settings, and what they say for single models."""

from typing import Any, cast

from msgspec import Struct

from pi.harness.settings import Settings
from pi.llm.models import Model
from pi.platform.errors import ConfigError

_MOST = 2**53 - 1  # the largest whole number that JavaScript's JSON keeps exactly


class CompactionSettings(Struct, frozen=True):
    """What holds for one model, in tokens; `enabled` says whether it happens by itself."""

    enabled: bool
    reserve_tokens: int  # compact when less than this is left of the window
    keep_recent_tokens: int  # what stays as it was said


def compaction_settings(settings: Settings, model: Model) -> CompactionSettings:
    """What holds for `model`: its override, else the ordinary value, else the default. Raises ConfigError."""
    return CompactionSettings(
        settings.flag("compaction.enabled"),
        _tokens(settings, "reserveTokens", model),
        _tokens(settings, "keepRecentTokens", model),
    )


def _tokens(settings: Settings, name: str, model: Model) -> int:
    ordinary = _whole(settings.get(f"compaction.{name}"), f"compaction.{name}")
    overrides = settings.get("compaction.modelOverrides")
    own = cast(dict[str, Any], overrides).get(model.ref) if isinstance(overrides, dict) else None
    if own is None:
        return ordinary
    path = f'compaction.modelOverrides["{model.ref}"]'
    if not isinstance(own, dict):
        raise ConfigError(f"Invalid {path} setting: {own}. Expected an object.")
    value = cast(dict[str, Any], own).get(name)
    return ordinary if value is None else _whole(value, f"{path}.{name}")


def _whole(value: Any, path: str) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= _MOST or value != int(value):
        raise ConfigError(f"Invalid {path} setting: {value}. Expected a non-negative safe integer.")
    return int(value)
