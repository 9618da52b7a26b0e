"""The table of actions: what each is called, what it does and which keys it has by default."""

import os
import sys
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Platform = Literal["unix", "mac", "windows", "wsl"]


class Action(Struct, frozen=True):
    """One action. `windows` are its keys on Windows and WSL, `wsl` those on WSL alone; None: as elsewhere."""

    id: str
    description: str
    keys: tuple[str, ...] = ()
    windows: tuple[str, ...] | None = None
    wsl: tuple[str, ...] | None = None
    mac: tuple[str, ...] | None = None

    def defaults(self, platform: Platform) -> tuple[str, ...]:
        """The keys that it has on this platform."""
        match platform:
            case "wsl":
                special = self.windows if self.wsl is None else self.wsl
            case "windows":
                special = self.windows
            case "mac":
                special = self.mac
            case "unix":
                special = None
        return self.keys if special is None else special


class Group(Struct, frozen=True):
    """Actions of one kind, as they are shown together."""

    name: str
    actions: tuple[Action, ...]


def current_platform(platform: str = sys.platform, env: Mapping[str, str] = os.environ) -> Platform:
    """Which of the defaults hold here. In WSL it is the Windows terminal that takes keys for itself."""
    if platform == "win32":
        return "windows"
    if platform == "linux" and (env.get("WSL_DISTRO_NAME") or env.get("WSL_INTEROP")):
        return "wsl"
    return "mac" if platform == "darwin" else "unix"


_MOVING = Group(
    "Moving the cursor",
    (
        Action("tui.editor.cursorUp", "Go up a line; on the first, to earlier prompts", ("up",)),
        Action("tui.editor.cursorDown", "Go down a line; on the last, to later prompts", ("down",)),
        Action("tui.editor.historyPrevious", "Show the prompt before"),
        Action("tui.editor.historyNext", "Show the prompt after"),
        Action("tui.editor.cursorLeft", "Go left", ("left", "ctrl+b")),
        Action("tui.editor.cursorRight", "Go right", ("right", "ctrl+f")),
        Action("tui.editor.cursorWordLeft", "Go a word left", ("alt+left", "ctrl+left", "alt+b")),
        Action("tui.editor.cursorWordRight", "Go a word right", ("alt+right", "ctrl+right", "alt+f")),
        Action("tui.editor.cursorLineStart", "Go to the start of the line", ("home", "ctrl+a")),
        Action("tui.editor.cursorLineEnd", "Go to the end of the line", ("end", "ctrl+e")),
        Action("tui.editor.jumpForward", "Go to the next place of a character", ("ctrl+]",)),
        Action("tui.editor.jumpBackward", "Go to the last place of a character", ("ctrl+alt+]",)),
        Action("tui.editor.pageUp", "Go up a page", ("pageUp", "ctrl+pageUp")),
        Action("tui.editor.pageDown", "Go down a page", ("pageDown", "ctrl+pageDown")),
    ),
)
_EDITING = Group(
    "Editing text",
    (
        Action("tui.editor.deleteCharBackward", "Delete the character before the cursor", ("backspace",)),
        Action("tui.editor.deleteCharForward", "Delete the character at the cursor", ("delete", "ctrl+d")),
        Action(
            "tui.editor.deleteWordBackward", "Cut the word before the cursor", ("ctrl+w", "alt+backspace")
        ),
        Action("tui.editor.deleteWordForward", "Cut the word after the cursor", ("alt+d", "alt+delete")),
        Action("tui.editor.deleteToLineStart", "Cut to the start of the line", ("ctrl+u",)),
        Action("tui.editor.deleteToLineEnd", "Cut to the end of the line", ("ctrl+k",)),
        Action("tui.editor.yank", "Put back what was cut last", ("ctrl+y",)),
        Action("tui.editor.yankPop", "After that: put back what was cut before", ("alt+y",)),
        Action("tui.editor.undo", "Undo the last change", ("ctrl+-",), windows=("ctrl+z",), wsl=("alt+z",)),
    ),
)
_CHOOSING = Group(
    "Entering and choosing",
    (
        Action("tui.input.newLine", "Start a new line", ("shift+enter", "ctrl+j")),
        Action("tui.input.submit", "Send", ("enter",)),
        Action("tui.input.tab", "Complete", ("tab",)),
        Action("tui.input.copy", "Copy what is selected", ("ctrl+c",)),
        Action("tui.select.up", "Go up in a list", ("up",)),
        Action("tui.select.down", "Go down in a list", ("down",)),
        Action("tui.select.pageUp", "Go up a page in a list", ("pageUp",)),
        Action("tui.select.pageDown", "Go down a page in a list", ("pageDown",)),
        Action("tui.select.confirm", "Choose", ("enter",)),
        Action("tui.select.cancel", "Close a list or dialog", ("escape", "ctrl+c")),
    ),
)
_TRANSCRIPT = Group(
    "Transcript",
    (
        Action("tui.altScreen.pageUp", "Scroll up a page", ("pageUp",)),
        Action("tui.altScreen.pageDown", "Scroll down a page", ("pageDown",)),
        Action("tui.altScreen.halfPageUp", "Scroll up half a page"),
        Action("tui.altScreen.halfPageDown", "Scroll down half a page"),
        Action("tui.altScreen.lineUp", "Scroll up a line"),
        Action("tui.altScreen.lineDown", "Scroll down a line"),
        Action(
            "tui.altScreen.previousPrompt",
            "Go to the message before",
            ("ctrl+shift+up", "ctrl+up"),
            windows=("ctrl+up",),
        ),
        Action(
            "tui.altScreen.nextPrompt",
            "Go to the message after",
            ("ctrl+shift+down", "ctrl+down"),
            windows=("ctrl+down",),
        ),
        Action("tui.altScreen.search", "Search", ("ctrl+shift+f",), windows=("ctrl+f",)),
        Action("tui.altScreen.searchNext", "While searching: the next place", ("enter", "ctrl+g")),
        Action(
            "tui.altScreen.searchPrevious",
            "While searching: the place before",
            ("shift+enter", "ctrl+shift+g"),
        ),
        Action("tui.altScreen.searchClose", "Stop searching", ("escape",)),
        Action("tui.altScreen.top", "Go to the beginning", ("ctrl+home",)),
        Action("tui.altScreen.bottom", "Go to the end, and follow what comes", ("ctrl+end",)),
    ),
)
_APPLICATION = Group(
    "Application",
    (
        Action("app.interrupt", "Stop what is running", ("escape",)),
        Action("app.clear", "Clear the editor; twice: leave", ("ctrl+c",)),
        Action("app.exit", "Leave, when the editor is empty", ("ctrl+d",)),
        Action("app.suspend", "Go to the background", ("ctrl+z",), windows=(), wsl=("ctrl+z",)),
        Action("app.editor.external", "Write in your own editor", ("ctrl+g",)),
        Action(
            "app.clipboard.pasteImage",
            "Paste an image, files or text",
            ("ctrl+v",),
            windows=("alt+v", "ctrl+v"),
        ),
    ),
)
_SESSIONS = Group(
    "Sessions",
    (
        Action("app.session.new", "Start a new session"),
        Action("app.session.tree", "Open the session tree"),
        Action("app.session.fork", "Fork the session"),
        Action("app.session.resume", "Resume another session"),
        Action("app.session.togglePath", "In the list: show paths or hide them", ("ctrl+p",)),
        Action("app.session.toggleSort", "In the list: sort another way", ("ctrl+s",)),
        Action("app.session.toggleNamedFilter", "In the list: only those with a name, or all", ("ctrl+n",)),
        Action("app.session.rename", "In the list: rename", ("ctrl+r",)),
        Action("app.session.delete", "In the list: delete", ("ctrl+d",)),
        Action(
            "app.session.deleteNoninvasive", "In the list: delete, when nothing is typed", ("ctrl+backspace",)
        ),
    ),
)
_MODELS = Group(
    "Models and thinking",
    (
        Action("app.model.select", "Choose a model", ("ctrl+l",)),
        Action("app.model.cycleForward", "Use the next model", ("ctrl+p",)),
        Action("app.model.cycleBackward", "Use the model before", ("ctrl+shift+p",), windows=("alt+p",)),
        Action("app.models.save", "In the list: keep the choice in the settings", ("ctrl+s",)),
        Action("app.thinking.cycle", "Think harder, and after the hardest least", ("shift+tab",)),
        Action("app.thinking.save", "In the list: keep the level in the settings", ("ctrl+s",)),
        Action("app.thinking.toggle", "Show thinking or hide it", ("ctrl+t",)),
    ),
)
_MESSAGES = Group(
    "Display and messages",
    (
        Action("app.tools.expand", "Show outputs of tools in full or in short", ("ctrl+o",)),
        Action("app.message.copy", "Copy what is selected, or the last answer", ("ctrl+x",)),
        Action("app.message.followUp", "Send when the agent is done", ("alt+enter",), windows=("ctrl+q",)),
        Action("app.message.dequeue", "Take waiting messages back", ("alt+up",), windows=("alt+q",)),
    ),
)
_TREE = Group(
    "Session tree",
    (
        Action(
            "app.tree.foldOrUp",
            "Fold the branch, or go to the one before",
            ("ctrl+left", "alt+left"),
            mac=("alt+left", "ctrl+left"),
        ),
        Action(
            "app.tree.unfoldOrDown",
            "Unfold the branch, or go to the one after",
            ("ctrl+right", "alt+right"),
            mac=("alt+right", "ctrl+right"),
        ),
        Action("app.tree.editLabel", "Label the entry", ("shift+l",)),
        Action("app.tree.toggleLabelTimestamp", "Show when labels were given, or hide it", ("shift+t",)),
        Action("app.tree.filter.default", "Show what is shown at first", ("ctrl+d",)),
        Action("app.tree.filter.noTools", "Show tools or hide them", ("ctrl+t",)),
        Action("app.tree.filter.userOnly", "Show only what you said, or more", ("ctrl+u",)),
        Action("app.tree.filter.labeledOnly", "Show only what has a label, or more", ("ctrl+l",)),
        Action("app.tree.filter.all", "Show everything, or less", ("ctrl+a",)),
        Action("app.tree.filter.cycleForward", "Use the next filter", ("ctrl+o",)),
        Action("app.tree.filter.cycleBackward", "Use the filter before", ("ctrl+shift+o",)),
    ),
)
_SCOPED = Group(
    "Models to cycle through",
    (
        Action("app.models.enableAll", "Take all, or all that are found", ("ctrl+a",)),
        Action("app.models.clearAll", "Take none, or none that are found", ("ctrl+x",)),
        Action("app.models.toggleProvider", "Take all of the provider, or none", ("ctrl+p",)),
        Action("app.models.reorderUp", "Move the model up", ("alt+up",)),
        Action("app.models.reorderDown", "Move the model down", ("alt+down",)),
    ),
)
GROUPS = (
    _APPLICATION,
    _MESSAGES,
    _MODELS,
    _CHOOSING,
    _EDITING,
    _MOVING,
    _TRANSCRIPT,
    _SESSIONS,
    _TREE,
    _SCOPED,
)
ACTIONS: dict[str, Action] = {action.id: action for group in GROUPS for action in group.actions}
