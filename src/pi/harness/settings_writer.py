"""One setting written into a settings file, everything else in it left as people wrote it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc
from pi.platform.jsonc_edit import remove_value, set_value
from pi.platform.locks import update_file

Keys = tuple[str, ...]


def save_setting(
    path: Path,
    setting: str | Keys,
    value: Any,
    *,
    migrate: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> None:
    """Write `value` at `setting` ("retry.enabled", or its keys where they have dots); None takes it out.

    The file is read again under its lock, so that what others changed since stays, and so do comments and
    unknown keys. `migrate` turns old spellings into new ones, which are written along. Raises ConfigError for
    a file that can't be parsed, with line and column, or written, and LockedError: it is then as it was.
    """
    keys = tuple(setting.split(".")) if isinstance(setting, str) else setting

    def change(old: bytes | None) -> bytes:
        raw = old or b"{}\n"  # an empty file holds no settings, and the original says so too
        values = loads_jsonc(raw, source=str(path))
        if not isinstance(values, dict):
            raise ConfigError(f"{path} must hold a JSON object. Mend it, and then change settings again.")
        current = cast(dict[str, Any], values)
        text = raw.decode()
        for place, new in _changes(current, migrate(current)):
            text = _edited(text, place, new)
        return _edited(text, keys, value).encode()

    update_file(path, change)


def _edited(text: str, keys: Keys, value: Any) -> str:
    return remove_value(text, keys) if value is None else set_value(text, keys, value)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], at: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The values of `new` that differ, as deep down as can be; None for those that are gone."""
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(cast(dict[str, Any], before), cast(dict[str, Any], after), (*at, key))
        elif before != after:
            yield (*at, key), after
