"""The settings that `/settings` shows: where each is kept, what it is called, and which values it has."""

from typing import Any, Literal, get_args, get_origin

from msgspec import Struct

from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.llm.models import LEVELS

Kind = Literal["flag", "choice", "number", "text", "theme", "level"]


class Item(Struct, frozen=True):
    """One setting: a flag, one of `values`, or a value that is typed in.

    `names` are for people, one for each of `values`, where those don't speak for themselves.
    """

    path: str
    label: str
    description: str
    kind: Kind = "flag"
    values: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()  # where the path has dots in its names
    default: Any = None  # of an extension's setting

    @property
    def place(self) -> str | tuple[str, ...]:
        """What `Settings.save` takes."""
        return self.keys or self.path

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that one key goes through; () where a value is asked for."""
        match self.kind:
            case "flag":
                return (True, False)
            case "choice":
                return self.values
            case _:
                return ()

    def read(self, settings: Settings) -> Any:
        """The value that counts."""
        if self.keys:
            value = settings.get_at(self.keys)
            return self.default if value is None else value
        return settings.flag(self.path) if self.kind == "flag" else settings.get(self.path)

    def name(self, value: Any) -> str:
        """A value for people."""
        if self.kind == "flag":
            return "on" if value else "off"
        if value in self.values and self.names:
            return self.names[self.values.index(value)]
        if value is None or value == "":
            return "default"
        return (
            value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        )


_DELIVERY = ("one-at-a-time", "all")
_AUTO = ("auto", True, False)
_AUTO_NAMES = ("auto", "on", "off")

ITEMS: tuple[Item, ...] = (
    Item("theme", "Theme", "The colours of the screen", "theme"),
    Item(
        "defaultThinkingLevel",
        "Thinking level",
        "How hard the model thinks, now and at the start",
        "level",
        LEVELS,
    ),
    Item("hideThinkingBlock", "Hide thinking", "Show a line for what the model thinks, not all of it"),
    Item(
        "steeringMode",
        "Steering mode",
        "Messages that interrupt: one a turn, or all at once",
        "choice",
        _DELIVERY,
    ),
    Item(
        "followUpMode",
        "Follow-up mode",
        "Messages that wait for the end: one by one, or all",
        "choice",
        _DELIVERY,
    ),
    Item("compaction.enabled", "Auto-compaction", "Sum the conversation up when the context is nearly full"),
    Item("retry.enabled", "Retry", "Ask again when a provider fails for a while"),
    Item("retry.maxRetries", "Retries", "How often to ask again at most", "number", (1, 3, 5, 10)),
    Item(
        "cacheWarming",
        "Cache warming",
        "Ask for one token before a provider's cache ends, when that is cheaper",
        "choice",
        ("off", "streaming", "idle"),
        ("off", "while it works", "also between"),
    ),
    Item("showCacheMissNotices", "Cache-miss notices", "Say when a prompt was paid for twice"),
    Item(
        "transport",
        "Transport",
        "How to reach providers that have several ways",
        "choice",
        ("auto", "sse", "websocket", "websocket-cached"),
    ),
    Item(
        "httpIdleTimeoutMs",
        "Idle timeout",
        "How long a provider may say nothing",
        "choice",
        (60_000, 120_000, 300_000, 600_000, 0),
        ("1 min", "2 min", "5 min", "10 min", "for ever"),
    ),
    Item("httpProxy", "HTTP proxy", "The address of a proxy for all requests", "text"),
    Item(
        "externalEditor",
        "External editor",
        "The program that edits a long prompt; empty: $VISUAL or $EDITOR",
        "text",
    ),
    Item(
        "doubleEscapeAction",
        "Double Escape",
        "What Escape, Escape does in an empty editor",
        "choice",
        ("tree", "fork", "none"),
    ),
    Item(
        "treeFilterMode",
        "Tree filter",
        "What /tree shows first",
        "choice",
        ("default", "no-tools", "user-only", "labeled-only", "all"),
    ),
    Item(
        "branchSummary.skipPrompt",
        "Skip branch summaries",
        "Don't ask for a summary of a branch that is left",
    ),
    Item(
        "defaultProjectTrust",
        "Project trust",
        "What happens with a project's own settings when nothing is decided",
        "choice",
        ("ask", "always", "never"),
    ),
    Item("enableSkillCommands", "Skill commands", "Make a command /skill:name of each skill"),
    Item("images.autoResize", "Resize images", "Make images smaller that are too large for models"),
    Item("images.blockImages", "Block images", "Send no images to models"),
    Item("terminal.showImages", "Show images", "Show images in the transcript where the terminal can"),
    Item(
        "terminal.imageWidthCells",
        "Image width",
        "Of an image in the transcript, in cells",
        "number",
        (40, 60, 80, 120),
    ),
    Item(
        "terminal.images",
        "Image protocol",
        "How images are shown",
        "choice",
        ("auto", "kitty", "iterm2", False),
        ("auto", "kitty", "iterm2", "off"),
    ),
    Item(
        "terminal.hyperlinks", "Hyperlinks", "Whether addresses can be clicked", "choice", _AUTO, _AUTO_NAMES
    ),
    Item(
        "terminal.trueColor", "True colour", "Whether all colours can be shown", "choice", _AUTO, _AUTO_NAMES
    ),
    Item("terminal.showTerminalProgress", "Terminal progress", "Show in the terminal's tab that Pi works"),
    Item(
        "quietStartup",
        "Quiet startup",
        "What the start shows",
        "choice",
        (False, "header", True),
        ("off", "header only", "on"),
    ),
    Item("editorPaddingX", "Editor padding", "Cells left and right of what you type", "choice", (0, 1, 2, 3)),
    Item("outputPad", "Transcript padding", "Cells left and right of the transcript", "choice", (0, 1)),
    Item(
        "markdown.codeBlockIndent",
        "Code block indent",
        "How far code is moved in",
        "choice",
        ("", "  ", "    "),
        ("none", "2", "4"),
    ),
    Item(
        "autocompleteMaxVisible",
        "Autocomplete size",
        "How many lines of completions are shown",
        "number",
        (3, 5, 7, 10, 15, 20),
    ),
    Item("showHardwareCursor", "Hardware cursor", "Show the terminal's cursor, not Pi's own"),
    Item(
        "fullscreenScrollbar",
        "Scrollbar",
        "When the transcript has one",
        "choice",
        ("auto", "always", "hidden"),
    ),
    Item("fullscreenCopyOnSelect", "Copy on select", "Put what the mouse selects on the clipboard"),
    Item(
        "fullscreenWheelScrollLines",
        "Wheel lines",
        "Lines for each step of the mouse wheel",
        "choice",
        ("auto", 1, 2, 3, 5, 10),
    ),
    Item(
        "fullscreenExitOutput",
        "Exit output",
        "What stays in the terminal when Pi ends",
        "choice",
        ("transcript", "resume-hint"),
        ("the transcript", "how to go on"),
    ),
)


def items(session: Session) -> list[Item]:
    """The table, and the settings that extensions have declared."""
    found = list(ITEMS)
    host = session.extensions
    for extension in host.roster.extensions if host is not None else ():
        for setting in extension.declared.settings.values():
            if (item := _of_extension(extension.name, setting)) is not None:
                found.append(item)
    return found


def _of_extension(owner: str, setting: Any) -> Item | None:
    """None for what is no single value."""
    kind, values = _kind(setting.type)
    if kind is None:
        return None
    keys = ("extensionSettings", owner, setting.name)
    return Item(
        ".".join(keys),
        setting.name,
        f"{setting.description or setting.name} ({owner})",
        kind,
        values,
        keys=keys,
        default=setting.default,
    )


def _kind(type: Any) -> tuple[Kind | None, tuple[Any, ...]]:
    if type is bool:
        return "flag", ()
    if get_origin(type) is Literal:
        return "choice", get_args(type)
    if type in (int, float):
        return "number", ()
    return ("text", ()) if type is str else (None, ())
