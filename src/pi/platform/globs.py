"""Globs as regexes: those that people write in settings, and the rules of ignore files."""

import os
import re
from collections.abc import Container, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

IGNORE_FILES = (".gitignore", ".ignore", ".fdignore")
_TOKEN = r"(?s)\\.|\*+|\?|\[[!^]?\]?[^\]]*\]|."


class IgnoreRule(Struct, frozen=True):
    """One line of an ignore file; its regex matches paths relative to that file's folder."""

    folder: str
    regex: str
    negated: bool
    folders_only: bool


def glob_matches(glob: str, path: str) -> bool:
    """Whether a glob (`*`, `?`, `[a-z]`, `**`, `{a,b}`) is this path; a leading dot must be written out."""
    return any(re.fullmatch(_regex(one, dots=False), path) for one in _braces(glob))


def ignore_rules(folder: str, names: Container[str]) -> list[IgnoreRule]:
    """The rules that the ignore files among a folder's names give; a file that can't be read gives none."""
    rules: list[IgnoreRule] = []
    for name in IGNORE_FILES:
        if name not in names:
            continue
        try:
            text = Path(folder, name).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        rules += [rule for line in text.splitlines() if (rule := _rule(folder, line))]
    return rules


def is_ignored(path: str, rules: Sequence[IgnoreRule], *, folder: bool) -> bool:
    """What the last rule says that matches the path; rules of deeper folders come later."""
    for rule in reversed(rules):
        if rule.folders_only and not folder:
            continue
        relative = os.path.relpath(path, rule.folder).replace(os.sep, "/")
        if re.fullmatch(rule.regex, relative, re.IGNORECASE):  # as on every platform of the original
            return not rule.negated
    return False


def _rule(folder: str, line: str) -> IgnoreRule | None:
    line = re.sub(r"(?<!\\)\s+$", "", line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    glob = line.removeprefix("!")
    folders_only = glob.endswith("/")
    glob = glob.rstrip("/")
    glob = glob.removeprefix("/") if "/" in glob else f"**/{glob}"
    return IgnoreRule(folder, _regex(glob, dots=True), negated, folders_only)


def _braces(glob: str) -> list[str]:
    """`a{b,c}` is `ab` and `ac`."""
    inner = re.search(r"\{([^{}]*,[^{}]*)\}", glob)
    if inner is None:
        return [glob]
    parts = (f"{glob[: inner.start()]}{part}{glob[inner.end() :]}" for part in inner[1].split(","))
    return [expanded for part in parts for expanded in _braces(part)]


@lru_cache(256)  # one glob meets many names
def _regex(glob: str, *, dots: bool) -> str:
    """`*` and `?` stay between slashes, `**` as a part goes over them; `dots` lets them begin with a dot."""
    visible = "" if dots else r"(?!\.)"
    any_part = rf"{visible}[^/]+"
    *parts, last = glob.split("/")
    inner = "".join(f"(?:{any_part}/)*" if part == "**" else f"{_part(part, visible)}/" for part in parts)
    return inner + (f"(?:{any_part}/)*{any_part}" if last == "**" else _part(last, visible))


def _part(part: str, visible: str) -> str:
    def token(match: re.Match[str]) -> str:
        text = match[0]
        match text[0]:
            case "*":
                return "[^/]*"
            case "?":
                return "[^/]"
            case "[" if len(text) > 2:
                return _char_class(text)
            case "\\" if len(text) == 2:
                return re.escape(text[1])
            case _:
                return re.escape(text)

    regex = re.sub(_TOKEN, token, part)
    return f"{visible}{regex}" if part[:1] in ("*", "?", "[") else regex


def _char_class(text: str) -> str:
    negated = text[1] in "!^"
    inner = re.sub(r"[^\w-]", r"\\\g<0>", text[2 if negated else 1 : -1])
    regex = f"[{'^/' if negated else ''}{inner}]"
    try:
        re.compile(regex)
    except re.error:  # a range that runs backwards
        return re.escape(text)
    return regex
