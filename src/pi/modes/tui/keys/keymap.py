"""Which key means which action: the defaults and what keybindings.json makes of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from pi.modes.tui.keys.actions import ACTIONS, Platform, current_platform
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.syntax import spell
from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

_FILE = "keybindings.json"
# What Terminal on a Mac, and iTerm2 if asked, send for Option and an arrow.
_ARROWS = {"alt+b": "alt+left", "alt+f": "alt+right"}


class Keymap:
    """The keys of every action. Both ways are dictionary lookups: keys are spelled one way from the start."""

    def __init__(self, given: Mapping[str, tuple[str, ...]], platform: Platform | None = None) -> None:
        """`given` replaces the defaults of the actions that it has; its keys are spelled right."""
        platform = platform or current_platform()
        self._keys = {
            id: given[id] if id in given else action.defaults(platform) for id, action in ACTIONS.items()
        }
        self._actions: dict[str, set[str]] = {}
        for id, keys in self._keys.items():
            for key in keys:
                self._actions.setdefault(key, set()).add(id)

    @classmethod
    def load(cls, agent_dir: Path, warnings: list[str], platform: Platform | None = None) -> "Keymap":
        """The defaults, changed by keybindings.json. What is wrong with that is told in `warnings`."""
        path = agent_dir / _FILE
        try:
            config = loads_jsonc(path.read_bytes(), source=str(path))
        except (FileNotFoundError, NotADirectoryError):
            config = {}
        except OSError as error:
            warnings.append(f"Can't read {path}: {error.strerror}. The default keys are used.")
            config = {}
        except ConfigError as error:
            warnings.append(f"{error} The default keys are used; correct the file and use /reload.")
            config = {}
        return cls(_parse(config, str(path), warnings), platform)

    def action(self, key: Key, actions: Iterable[str]) -> str | None:
        """The first of these actions that the key means."""
        wanted = tuple(actions)
        found = self._first(key.name, wanted)
        if found is None and key.name in _ARROWS:
            return self._first(_ARROWS[key.name], wanted)
        return found

    def _first(self, name: str, wanted: Iterable[str]) -> str | None:
        meant = self._actions.get(name) or self._actions.get(spell(name) or "")
        return next((action for action in wanted if action in meant), None) if meant else None

    def means(self, key: Key, action: str) -> bool:
        """Whether the key means this action."""
        return self.action(key, (action,)) is not None

    def same(self, key: Key, wanted: str) -> bool:
        """Whether it is this key, however that is spelled; for keys that are no actions."""
        return key.name == wanted or ((name := spell(wanted)) is not None and name == spell(key.name))

    def keys(self, action: str) -> tuple[str, ...]:
        """The keys of an action, the most important first; none if there is no such action."""
        return self._keys.get(action, ())

    def label(self, action: str) -> str:
        """The key to name in hints; "" when the action has none."""
        return next(iter(self.keys(action)), "")


def _parse(config: Any, source: str, warnings: list[str]) -> dict[str, tuple[str, ...]]:
    if not isinstance(config, dict):
        warnings.append(f"{source} isn't an object of actions and keys. The default keys are used.")
        return {}
    given: dict[str, tuple[str, ...]] = {}
    entries = cast("dict[str, Any]", config)
    for name, value in entries.items():
        if name == "$schema":
            continue
        id = _OLD_NAMES.get(name, name)
        if id != name and id in entries:
            continue  # the new name says it already
        if id not in ACTIONS:
            warnings.append(f"{source}: there is no action {name!r}. {_hint(name)}")
            continue
        keys = _parse_keys(name, value, source, warnings)
        if keys is not None:
            given[id] = keys
    return given


def _hint(name: str) -> str:
    import difflib  # here, because hardly any file needs it

    near = difflib.get_close_matches(name, [*ACTIONS, *_OLD_NAMES], 1)
    return f"Did you mean {near[0]}?" if near else "See docs/keybindings.md for all names."


def _parse_keys(name: str, value: Any, source: str, warnings: list[str]) -> tuple[str, ...] | None:
    """The keys of one action; None if none of those that are there can be used."""
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    keys: list[str] = []
    for written in values:
        key = spell(written) if isinstance(written, str) else None
        if key is None:
            warnings.append(
                f"{source}: {name} has {written!r}, which is no key. "
                'Write modifiers and a key, such as "ctrl+shift+p", a list of them, or [] for none.'
            )
        elif key not in keys:
            keys.append(key)
    return tuple(keys) if keys or not values else None


def _old(prefix: str, names: str) -> dict[str, str]:
    return {name: f"{prefix}.{name}" for name in names.split()}


# What actions were called before their names had parts.
_OLD_NAMES: dict[str, str] = {
    **_old("tui.editor", "cursorUp cursorDown cursorLeft cursorRight cursorWordLeft cursorWordRight"),
    **_old("tui.editor", "cursorLineStart cursorLineEnd jumpForward jumpBackward pageUp pageDown"),
    **_old("tui.editor", "deleteCharBackward deleteCharForward deleteWordBackward deleteWordForward"),
    **_old("tui.editor", "deleteToLineStart deleteToLineEnd yank yankPop undo"),
    **_old("tui.input", "newLine submit tab copy"),
    **_old("app", "interrupt clear exit suspend"),
    **_old("app.session", "tree fork resume"),
    "selectUp": "tui.select.up",
    "selectDown": "tui.select.down",
    "selectPageUp": "tui.select.pageUp",
    "selectPageDown": "tui.select.pageDown",
    "selectConfirm": "tui.select.confirm",
    "selectCancel": "tui.select.cancel",
    "cycleThinkingLevel": "app.thinking.cycle",
    "cycleModelForward": "app.model.cycleForward",
    "cycleModelBackward": "app.model.cycleBackward",
    "selectModel": "app.model.select",
    "expandTools": "app.tools.expand",
    "toggleThinking": "app.thinking.toggle",
    "toggleSessionNamedFilter": "app.session.toggleNamedFilter",
    "externalEditor": "app.editor.external",
    "followUp": "app.message.followUp",
    "dequeue": "app.message.dequeue",
    "pasteImage": "app.clipboard.pasteImage",
    "newSession": "app.session.new",
    "treeFoldOrUp": "app.tree.foldOrUp",
    "treeUnfoldOrDown": "app.tree.unfoldOrDown",
    "treeEditLabel": "app.tree.editLabel",
    "treeToggleLabelTimestamp": "app.tree.toggleLabelTimestamp",
    "toggleSessionPath": "app.session.togglePath",
    "toggleSessionSort": "app.session.toggleSort",
    "renameSession": "app.session.rename",
    "deleteSession": "app.session.delete",
    "deleteSessionNoninvasive": "app.session.deleteNoninvasive",
}
