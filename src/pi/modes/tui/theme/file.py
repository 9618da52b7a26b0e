"""Theme files, read strictly: what nobody knows is an error, so that a slip of the pen is seen."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from pi.modes.tui.theme.colors import Color, appearance_of, indexed, resolve
from pi.modes.tui.theme.theme import Appearance, Theme
from pi.modes.tui.theme.tokens import EXPORT, INHERITED, NAMES, REQUIRED
from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

RESERVED = "system"
_KEYS = ("$schema", "name", "appearance", "vars", "colors", "export")
_LARGEST = 1_000_000  # bytes; a theme has some 5,000


def load_theme(path: Path) -> Theme:
    """The theme of a file. ConfigError names the file and what is wrong in it."""
    return parse_theme(read_theme(path), str(path))


def read_theme(path: Path) -> Any:
    """What is in a theme file, unchecked. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"Can't read the theme {path}: {error.strerror}.") from None
    if len(raw) > _LARGEST:
        raise ConfigError(f"{path} is too large for a theme: more than {_LARGEST:,} bytes.")
    return loads_jsonc(raw, source=str(path))


def parse_theme(value: Any, source: str) -> Theme:
    """The theme that a file's JSON describes; `source` begins the text of a ConfigError."""
    theme = _object(value, source, "the file")
    _known(theme, _KEYS, source, "it")
    name = name_of(theme, source)
    variables = _object(theme.get("vars", {}), source, "vars")
    colors = _object(theme.get("colors"), source, "colors")
    _known(colors, NAMES, source, "colors")
    if missing := [token for token in REQUIRED if token not in colors]:
        raise ConfigError(f"{source}: colors lacks {', '.join(missing)}. Add {_them(missing)}.")
    for key, raw in variables.items():  # also those that nothing uses
        resolve(raw, variables, f"{source}: vars.{key}")
    found: dict[str, Color] = {}
    for token in NAMES:
        if token in colors:
            found[token] = resolve(colors[token], variables, f"{source}: colors.{token}")
        else:
            found[token] = found[INHERITED[token]]
    return Theme(name, _appearance(theme, found, source), found, _export(theme, variables, source))


def name_of(theme: dict[str, Any], source: str) -> str:
    """The name that the file gives its theme."""
    name = theme.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"{source}: name is missing. Give the theme one, best that of the file.")
    if "/" in name:
        raise ConfigError(f'{source}: name {name!r} can\'t have a "/": it stands between light/dark themes.')
    if name == RESERVED:
        raise ConfigError(f"{source}: name can't be {RESERVED!r}, which is Pi's own theme. Choose another.")
    return name


def _appearance(theme: dict[str, Any], colors: dict[str, Color], source: str) -> Appearance:
    given = theme.get("appearance")
    if given == "dark" or given == "light":
        return given
    if given is not None:
        raise ConfigError(f'{source}: appearance is {given!r}; use "dark" or "light", or leave it out.')
    for token in ("userMessageBg", "toolPendingBg", "selectedBg"):
        if (background := _concrete(colors[token])) is not None:
            return appearance_of(background)
    for token in ("text", "userMessageText", "accent"):
        if (text := _concrete(colors[token])) is not None:  # light text is for dark terminals
            return "light" if appearance_of(text) == "dark" else "dark"
    return "dark"


def _export(theme: dict[str, Any], variables: dict[str, Any], source: str) -> dict[str, str]:
    given = _object(theme.get("export", {}), source, "export")
    _known(given, EXPORT, source, "export")
    found = {key: _concrete(resolve(raw, variables, f"{source}: export.{key}")) for key, raw in given.items()}
    return {key: color for key, color in found.items() if color is not None}


def _concrete(color: Color) -> str | None:
    return indexed(color) if isinstance(color, int) else color or None


def _object(value: Any, source: str, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: {what} must be a JSON object.")
    return cast(dict[str, Any], value)


def _known(value: dict[str, Any], known: Iterable[str], source: str, what: str) -> None:
    if unknown := [key for key in value if key not in known]:
        hint = " Own colours belong into vars." if what == "colors" else ""
        names = ", ".join(map(repr, unknown[:5]))
        raise ConfigError(f"{source}: {what} can't have {names}. Take {_them(unknown)} out.{hint}")


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"
