"""All themes there are, and the one in use: it follows the terminal, its file and people's wishes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from pi.modes.tui.theme.colors import appearance_of, indexed
from pi.modes.tui.theme.file import load_theme, name_of, parse_theme, read_theme
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.system import NAME as SYSTEM
from pi.modes.tui.theme.system import system_theme
from pi.modes.tui.theme.theme import Appearance, Theme
from pi.platform.errors import ConfigError

__all__ = ["Theme", "Themes"]

BUILT_IN = (SYSTEM, "dark", "light")
_DATA = Path(__file__).parent / "data"


class _Reported(Struct):
    """What the terminal has said of itself so far."""

    foreground: str | None = None
    background: str | None = None
    palette: dict[int, str] = {}
    appearance: Appearance | None = None


class Themes:
    """Reads a theme when it is used; `warnings` tells what couldn't be."""

    def __init__(self, sources: Sources, *, wanted: str | None = None, env: Mapping[str, str] | None = None):
        self.warnings: list[str] = []
        self._sources: Sources = sources
        self._env = os.environ if env is None else env
        self._reported = _Reported()
        self._files: dict[str, Path] | None = None
        self._read: dict[str, Theme] = {}
        self._watched: tuple[Path, tuple[int, int]] | None = None
        self._wanted = wanted  # by the command line, for this run
        self._wish = wanted or sources.setting or SYSTEM
        self.current = self._first()
        self._watch()

    def _first(self) -> Theme:
        try:
            return self._chosen(self._wish)
        except ConfigError as error:
            self.warnings.append(f"{error} The theme system is used instead.")
            self._wish = SYSTEM
            return self._chosen(SYSTEM)

    @property
    def wish(self) -> str:
        """What was asked for: a name, or "light/dark"."""
        return self._wish

    @property
    def appearance(self) -> Appearance:
        """Whether the terminal is dark or light, as far as it is known."""
        said = self._reported
        if said.background is not None:
            return appearance_of(said.background, said.foreground)
        return said.appearance or _of_colorfgbg(self._env) or "dark"

    def names(self) -> list[str]:
        """The built-in ones, then the others by name."""
        return [*BUILT_IN, *sorted(self._found())]

    def use(self, name: str) -> None:
        """Use a theme, or one of two: "light/dark". Raises ConfigError; then nothing has changed."""
        theme = self._chosen(name)
        if "/" in name:
            for one in name.split("/"):
                self._theme(one)
        self._wish, self.current = name, theme
        self._watch()

    def reported(
        self, foreground: str | None, background: str | None, palette: Mapping[int, str] | None = None
    ) -> bool:
        """The terminal's colours ("#rrggbb"), as far as it tells; True when the theme is another now."""
        said = self._reported
        said.foreground = foreground or said.foreground
        said.background = background or said.background
        said.palette = {**said.palette, **(palette or {})}
        return self._follow()

    def appearance_reported(self, appearance: Appearance) -> bool:
        """The terminal says that it is dark or light; True when the theme is another one now.

        A background that was reported before still decides: ask for the colours again.
        """
        self._reported.appearance = appearance
        return self._follow()

    def poll(self) -> bool:
        """Read the user's file again when it has changed; True when it has. A broken one changes nothing."""
        if self._watched is None:
            return False
        path, before = self._watched
        now = _stamp(path)
        if now is None or now == before:  # an editor may take a file away for a moment
            return False
        self._watched = (path, now)
        try:
            theme = load_theme(path)
        except ConfigError as error:
            self.warnings.append(f"{error} The theme stays as it was.")
            return False
        if theme.name != self.current.name or theme == self.current:
            return False
        self._read[theme.name] = self.current = theme
        return True

    def reload(self, sources: Sources) -> None:
        """Look for themes in these places, and use the one of the settings; a broken one changes nothing."""
        if sources.setting != self._sources.setting and self._wanted is None:
            self._wish = sources.setting or SYSTEM
        self._sources = sources
        self._files = None
        self._read.clear()
        self.warnings.clear()
        try:
            self.current = self._chosen(self._wish)
        except ConfigError as error:
            self.warnings.append(f"{error} The theme stays as it was.")
        self._watch()

    def concrete(self, token: str) -> str:
        """ "#rrggbb" of a colour, also of one that the terminal mixes: as it said, or guessed."""
        color = self.current.colors.get(token, "")
        if isinstance(color, int):
            return self._reported.palette.get(color) or indexed(color)
        if color:
            return color
        dark = self.current.appearance == "dark"
        if token.endswith("Bg"):
            return self._reported.background or ("#000000" if dark else "#ffffff")
        return self._reported.foreground or ("#ffffff" if dark else "#000000")

    def _follow(self) -> bool:
        if self._wish != SYSTEM and "/" not in self._wish:
            return False
        before = self.current
        try:
            self.current = self._chosen(self._wish)
        except ConfigError as error:
            self.warnings.append(f"{error} The theme stays as it was.")
            return False
        self._watch()
        return self.current != before

    def _chosen(self, wish: str) -> Theme:
        if "/" not in wish:
            return self._theme(wish)
        light, _, dark = wish.partition("/")
        if not light or not dark or "/" in dark:
            raise ConfigError(f'{wish!r} is no pair of themes. Write it like "light/dark": two names.')
        return self._theme(dark if self.appearance == "dark" else light)

    def _theme(self, name: str) -> Theme:
        if name == SYSTEM:
            said = self._reported
            return system_theme(self.appearance, said.foreground, said.background, said.palette)
        if (known := self._read.get(name)) is not None:
            return known
        if name in BUILT_IN:
            path = _DATA / f"{name}.json"
            theme = parse_theme(read_theme(path), str(path))
        elif (file := self._found().get(name)) is not None:
            theme = load_theme(file)
        else:
            raise ConfigError(f"There is no theme {name!r}. There are: {', '.join(self.names())}.")
        self._read[name] = theme
        return theme

    def _found(self) -> dict[str, Path]:
        """The files by the names of their themes."""
        if self._files is None:
            self._files = {}
            for path in self._sources.files(self.warnings):
                self._add(self._files, path)
        return self._files

    def _add(self, files: dict[str, Path], path: Path) -> None:
        try:
            value = read_theme(path)
            theme = parse_theme(value, str(path))
        except ConfigError as error:
            self.warnings.append(str(error))
            if (name := _name_in(path)) is not None:  # choosing it tells what is wrong with it
                files.setdefault(name, path)
            return
        name = theme.name
        if name in BUILT_IN:
            self.warnings.append(f"{path}: there is a theme {name!r} of Pi's own. Give yours another name.")
        elif name in files:
            self.warnings.append(f"{path}: the theme {name!r} is already in {files[name]}, which is used.")
        else:
            files[name] = path
            self._read.setdefault(name, theme)

    def _watch(self) -> None:
        path = self._sources.folder / f"{self.current.name}.json"
        used = self._files.get(self.current.name) if self._files is not None else None
        stamp = _stamp(path) if used == path else None
        self._watched = (path, stamp) if stamp is not None else None


def _name_in(path: Path) -> str | None:
    try:
        value = read_theme(path)
        return name_of(cast(dict[str, Any], value), str(path)) if isinstance(value, dict) else None
    except ConfigError:
        return None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _of_colorfgbg(env: Mapping[str, str]) -> Appearance | None:
    """What rxvt, Konsole and others say: the indices of foreground and background, "15;0"."""
    last = env.get("COLORFGBG", "").rpartition(";")[2]
    if not last.isdecimal() or int(last) > 255:
        return None
    return appearance_of(indexed(int(last)))
