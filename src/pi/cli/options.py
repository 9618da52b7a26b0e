"""The command line's options in one table, from which parsing and --help are made."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ("off", "minimal", "low", "medium", "high", "xhigh", "max")
Level = Literal["off", "minimal", "low", "medium", "high", "xhigh", "max"]  # llm.messages costs an import
MODES = ("text", "json", "rpc", "acp")


class UsageError(Exception):
    """The command line can't be understood; the text says why."""


class Option(NamedTuple):
    """One option and its field in `Options`. A "list" repeats, a "maybe" may stand without its value."""

    long: str
    short: str
    kind: Literal["flag", "value", "list", "maybe"]
    field: str
    value: str
    help: str


TABLE: dict[str, tuple[Option, ...]] = {
    "Output": (
        Option("--print", "-p", "flag", "print", "", "Answer the prompts, write the last answer, exit"),
        Option("--mode", "", "value", "mode", "MODE", "text, json (events as lines), rpc or acp"),
        Option("--verbose", "", "flag", "verbose", "", "Say more on stderr"),
    ),
    "Screen": (
        Option("--use-theme", "", "value", "use_theme", "NAME", "Theme of this run; LIGHT/DARK follows"),
        Option("--theme", "", "list", "theme", "PATH", "Add a theme, or a folder of them (repeatable)"),
        Option("--no-themes", "", "flag", "no_themes", "", "No themes but the built-in and those of --theme"),
        Option("--tui-mode", "", "value", "tui_mode", "MODE", "fullscreen; regular is taken for it"),
    ),
    "Models": (
        Option("--model", "", "value", "model", "PATTERN", "provider/id, an id or part of a name; :LEVEL"),
        Option("--provider", "", "value", "provider", "NAME", "Provider for --model"),
        Option("--models", "", "value", "models", "PATTERNS", "Models to choose from, separated by commas"),
        Option("--api-key", "", "value", "api_key", "KEY", "Key for this run, saved nowhere"),
        Option("--thinking", "", "value", "thinking", "LEVEL", ", ".join(LEVELS)),
        Option("--list-models", "", "maybe", "list_models", "[SEARCH]", "List the usable models, exit"),
    ),
    "Sessions": (
        Option("--continue", "-c", "flag", "continue_", "", "Go on with this folder's latest session"),
        Option("--resume", "-r", "flag", "resume", "", "Choose a session to go on with"),
        Option("--session", "", "value", "session", "PATH|ID", "Go on with this session"),
        Option("--session-id", "", "value", "session_id", "ID", "Go on with or begin the session of this id"),
        Option("--fork", "", "value", "fork", "PATH|ID", "Begin a new session from a copy of this one"),
        Option("--session-dir", "", "value", "session_dir", "DIR", "Where session files lie"),
        Option("--no-session", "", "flag", "no_session", "", "Save nothing"),
        Option("--name", "-n", "value", "name", "NAME", "The session's name"),
        Option("--export", "", "value", "export", "FILE", "Write a session file to [OUT], exit"),
    ),
    "Tools": (
        Option("--tools", "-t", "value", "tools", "NAMES", "Only these; or +NAME,-NAME to change the set"),
        Option(
            "--exclude-tools",
            "-xt",
            "value",
            "exclude_tools",
            "NAMES",
            "Not these (* is any text)",
        ),
        Option("--no-tools", "-nt", "flag", "no_tools", "", "No tools at all"),
        Option("--no-builtin-tools", "-nbt", "flag", "no_builtin_tools", "", "No built-in tools"),
    ),
    "Context": (
        Option("--system-prompt", "", "value", "system_prompt", "TEXT|FILE", "Replace the system prompt"),
        Option(
            "--append-system-prompt",
            "",
            "list",
            "append_system_prompt",
            "TEXT|FILE",
            "Add to it (repeatable)",
        ),
        Option("--no-context-files", "-nc", "flag", "no_context_files", "", "No AGENTS.md or CLAUDE.md"),
        Option("--skill", "", "list", "skill", "PATH", "Add a skill, or a folder of them (repeatable)"),
        Option("--no-skills", "-ns", "flag", "no_skills", "", "No skills but those of --skill"),
        Option("--prompt-template", "", "list", "prompt_template", "PATH", "Add a template (repeatable)"),
        Option("--no-prompt-templates", "-np", "flag", "no_prompt_templates", "", "Only those of the flag"),
        Option("--extension", "-e", "list", "extension", "PATH", "Load an extension (repeatable)"),
        Option("--no-extensions", "-ne", "flag", "no_extensions", "", "No extensions but those of -e"),
        Option("--approve", "-a", "flag", "approve", "", "Trust this folder's settings and prompts"),
        Option("--no-approve", "-na", "flag", "no_approve", "", "Don't trust them"),
        Option("--offline", "", "flag", "offline", "", "No network but the model's"),
    ),
    "Help": (
        Option("--help", "-h", "flag", "help", "", "This help"),
        Option("--version", "-v", "flag", "version", "", "The version"),
    ),
}
_ALL = [option for group in TABLE.values() for option in group]
_BY_WORD = {word: option for option in _ALL for word in (option.long, option.short) if word}


class Options:
    """What the command line says: a value per field of the table, messages, @files and warnings."""

    print: bool
    mode: Literal["text", "json", "rpc", "acp"] | None
    verbose: bool
    model: str | None
    provider: str | None
    models: str | None
    api_key: str | None
    thinking: Level | None
    list_models: str | None
    continue_: bool
    resume: bool
    session: str | None
    session_id: str | None
    fork: str | None
    session_dir: str | None
    no_session: bool
    name: str | None
    export: str | None
    tools: str | None
    exclude_tools: str | None
    no_tools: bool
    no_builtin_tools: bool
    system_prompt: str | None
    append_system_prompt: list[str]
    no_context_files: bool
    skill: list[str]
    no_skills: bool
    prompt_template: list[str]
    no_prompt_templates: bool
    use_theme: str | None
    theme: list[str]
    no_themes: bool
    tui_mode: str | None
    extension: list[str]
    no_extensions: bool
    approve: bool
    no_approve: bool
    offline: bool
    help: bool
    version: bool

    def __init__(self) -> None:
        self.words: tuple[str, ...] = ()
        self.messages: list[str] = []
        self.files: list[str] = []
        self.warnings: list[str] = []
        self.unknown: list[str] = []  # long options that only an extension can know
        self.flags: dict[str, bool | str] = {}  # of extensions, by name
        self.trust: dict[Path, bool] = {}  # what people have said of folders in this run
        for option in _ALL:
            setattr(
                self, option.field, False if option.kind == "flag" else [] if option.kind == "list" else None
            )


def parse(words: Sequence[str], flags: Mapping[str, bool] | None = None) -> Options:
    """Options from the words after the command's name; raises UsageError.

    `flags` are those of extensions: whether each takes a value. Without it, long options that nobody knows
    go to `unknown`, and the word behind one counts as its value: parse again when the flags are known.
    """
    options = Options()
    options.words = tuple(words)
    rest = list(words)
    ended = False
    while rest:
        word = rest.pop(0)
        if word == "--" and not ended:
            ended = True  # only the options: @files may follow
        elif word.startswith("@") and len(word) > 1:
            options.files.append(word[1:])
        elif word.startswith("-") and len(word) > 1 and not ended:
            _take(options, word, rest, flags)
        else:
            options.messages.append(word)
    if not options.help and not options.version:
        _check(options)
    return options


def _take(options: Options, word: str, rest: list[str], flags: Mapping[str, bool] | None) -> None:
    name, equals, given = word.partition("=")
    option = _BY_WORD.get(name)
    if option is None:
        _take_flag(options, name, given if equals else None, rest, flags)
        return
    if option.kind == "flag":
        if equals:
            raise UsageError(f"{name} takes no value")
        setattr(options, option.field, True)
        return
    if equals:
        value = given
    elif option.kind == "maybe":
        value = rest.pop(0) if rest and not rest[0].startswith(("-", "@")) else ""
    elif not rest:
        raise UsageError(f"{name} needs a value: {option.value}")
    else:
        value = rest.pop(0)
    if option.kind == "list":
        getattr(options, option.field).append(value)
    else:
        setattr(options, option.field, value)


def _take_flag(
    options: Options, word: str, given: str | None, rest: list[str], flags: Mapping[str, bool] | None
) -> None:
    """An option that isn't ours: an extension's, if it is a long one."""
    name = word.removeprefix("--")
    if name == word or not name or (flags is not None and name not in flags):
        raise UsageError(f"Unknown option: {word}")
    valued = flags[name] if flags is not None else bool(rest) and not rest[0].startswith(("-", "@"))
    if flags is None:
        options.unknown.append(word)
    if given is None and valued:
        if not rest:
            raise UsageError(f"{word} needs a value")
        given = rest.pop(0)
    options.flags[name] = True if given is None else given


def _check(options: Options) -> None:
    if options.mode is not None and options.mode not in MODES:
        raise UsageError(f'Invalid mode "{options.mode}". Valid values: {", ".join(MODES)}')
    if options.thinking is not None and options.thinking not in LEVELS:
        options.warnings.append(
            f'Invalid thinking level "{options.thinking}". Valid values: {", ".join(LEVELS)}'
        )
        options.thinking = None
    if options.files and options.mode == "rpc":
        raise UsageError("@file arguments are not supported in RPC mode")
    others = [("--session", options.session), ("--continue", options.continue_), ("--resume", options.resume)]
    for flag, value in (("--fork", options.fork), ("--session-id", options.session_id)):
        against = [*others, ("--no-session", options.no_session)] if flag == "--fork" else others
        for other, set_ in against:
            if value is not None and set_:
                raise UsageError(f"{flag} cannot be combined with {other}")
    if options.api_key is not None and not (options.model or options.models):
        raise UsageError(
            "--api-key requires a model to be specified via --model, --provider/--model, or --models"
        )


def help_text() -> str:
    """What --help prints."""
    lines = [
        "pi: a minimal coding agent for any model",
        "",
        "Usage: pi [options] [--] [@files...] [messages...]",
        "       pi demo [extension]   a small job with a scripted model: no key, no network",
        "       pi acp [options]      serve an editor by the Agent Client Protocol; same as --mode acp",
        "       pi auth …             log in to a provider or out, and say what is there",
        "       pi doctor             what is wrong with this installation, and what to do",
        "       pi ext new|check|load|list    begin, check, load and list extensions; pi ext --help",
        "       pi sessions [QUERY]   list, delete, import and export sessions; pi sessions --help",
        "       pi tokens [options]   where the tokens of a first request go; sends nothing",
        "       pi usage [--by WAY]   what was spent, and what is left of limits; pi usage --help",
        "",
        '  pi -p "Fix the failing test"      answer once and exit',
        '  git diff | pi -p "Review this"    piped text stands before the prompt',
        '  pi -p @notes.md "Summarize"       files stand before it too',
    ]
    for title, group in TABLE.items():
        lines += ["", f"{title}:"]
        for option in group:
            names = f"{option.long}, {option.short}" if option.short else option.long
            lines.append(f"  {f'{names} {option.value}'.strip():<36} {option.help}")
    return "\n".join(lines)
