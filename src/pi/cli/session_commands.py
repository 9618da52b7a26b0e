"""The command line of `pi sessions`: list, delete, import and export."""

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, cast, get_args

import msgspec
from msgspec import Struct

from pi.cli.sessions import sessions_folder
from pi.harness.storage.files import SessionDir, agent_dir, expand, find_session
from pi.harness.storage.listing import SessionRow, Sort, list_sessions
from pi.harness.storage.transfer import (
    NoTrashError,
    delete_session,
    export_jsonl,
    export_name,
    has_trash,
    import_session,
    is_page,
)
from pi.platform.clock import iso
from pi.platform.errors import PiError
from pi.platform.terminal import plain, say, write_all

HELP = """Usage: pi sessions [list] [QUERY] [--all] [--named] [--sort ORDER] [--json]
       pi sessions delete ID|PATH [--yes]
       pi sessions import FILE
       pi sessions export ID|PATH [OUT] [--branch ENTRY] [--force]

  list     this folder's sessions, forks under their parents; with a QUERY those that it finds, best first.
           Words may have gaps (prsr finds parser), "two words" in quotes stand as they are, re:… is a regular
           expression. It looks in names, ids, folders and all that you and the models said
  delete   into the trash, or for good where there is none
  import   copy a session file here; it keeps its id
  export   copy a session's file to OUT, by default pi-session-….jsonl in this folder; to an OUT that ends
           in .html write a page to read

  --all            of all folders
  --named          only those with a name
  --sort ORDER     threaded, recent or relevance
  --json           the list as JSON
  --yes            don't ask
  --branch ENTRY   only the lines from the beginning to the entry of this id
  --force          overwrite OUT
  --session-dir D  where session files lie"""
_FLAGS = {  # and whether each has a value
    "list": {"--all": False, "--named": False, "--sort": True, "--json": False},
    "delete": {"--yes": False},
    "import": {},
    "export": {"--branch": True, "--force": False},
}
_NAMES = {"list": (0, 99), "delete": (1, 1), "import": (1, 1), "export": (1, 2)}  # fewest and most


class _Request(Struct, frozen=True):
    """What the words ask for; a flag without a value has an empty one."""

    verb: str
    names: list[str]
    flags: dict[str, str]


class _Item(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A row as JSON, in the original's names; times as ISO 8601."""

    id: str
    path: str
    cwd: str
    first_message: str
    message_count: int
    created: str
    modified: str
    name: str | None = None
    parent_session_path: str | None = None
    depth: int = 0


def main(words: Sequence[str]) -> int:
    """Do what the words say; the result is the exit code."""
    if "--help" in words or "-h" in words:
        print(HELP)
        return 0
    try:
        request = _understood(words)
        directory = sessions_folder(Path.cwd(), request.flags.get("--session-dir"))
        match request.verb:
            case "delete":
                return _delete(request, directory)
            case "import":
                return _import(_path(request.names[0]), directory)
            case "export":
                return _export(request, directory)
            case _:
                return _list(request, directory)
    except PiError as error:
        say(f"Error: {error}")
        return 1
    except BrokenPipeError:  # the reader has seen enough
        return 1


def export_file(source: str, out: str | None = None) -> int:
    """What `pi --export FILE [OUT]` does; the result is the exit code. Raises PiError."""
    path = _path(source)
    if not path.exists():
        raise PiError(f"File not found: {path}")
    out = out or export_name(path, "html")
    _export_to(path, out, kind="html")
    _tell(f"Exported to: {out}")
    return 0


def _understood(words: Sequence[str]) -> _Request:
    """The verb, names and flags; without a verb, all words are a query. Raises PiError."""
    verb, rest = (words[0], list(words[1:])) if words and words[0] in _FLAGS else ("list", list(words))
    known = {**_FLAGS[verb], "--session-dir": True}
    names: list[str] = []
    flags: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            names.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag not in known:
            raise PiError(f"pi sessions {verb} doesn't know {flag}.\n\n{HELP}")
        if known[flag] and not equals:
            if not rest:
                raise PiError(f"{flag} needs a value.")
            value = rest.pop(0)
        flags[flag] = value
    fewest, most = _NAMES[verb]
    if not fewest <= len(names) <= most:
        raise PiError(f"pi sessions {verb} takes other words than these.\n\n{HELP}")
    return _Request(verb, names, flags)


def _list(request: _Request, directory: SessionDir) -> int:
    flags = request.flags
    sort = flags.get("--sort", "threaded")
    if sort not in get_args(Sort):
        raise PiError(f"--sort knows {', '.join(get_args(Sort))}.")
    rows = list_sessions(
        directory,
        all_projects="--all" in flags,
        named_only="--named" in flags,
        query=" ".join(request.names),
        sort=cast(Sort, sort),
    )
    if "--json" in flags:
        _tell(msgspec.json.format(msgspec.json.encode(list(map(_item, rows))), indent=2).decode())
    elif rows:
        _tell(_table(rows, folders="--all" in flags))
    else:
        none = "No session matches." if request.names or "--named" in flags else "No sessions here."
        _tell(none if "--all" in flags else f"{none} To look in all folders, add --all.")
    return 0


def _delete(request: _Request, directory: SessionDir) -> int:
    path = _found(request.names[0], directory)
    sure = "--yes" in request.flags
    trash = has_trash()
    if not sure and not _agreed(f"Move {path} to the trash?" if trash else f"Delete {path} for good?"):
        return _kept()
    try:
        done = delete_session(path, directory, for_good=sure or not trash)
    except NoTrashError as error:
        if not _agreed(f"{error} Delete it for good?"):
            return _kept()
        done = delete_session(path, directory, for_good=True)
    _tell("Session moved to trash" if done == "trashed" else "Session deleted")
    return 0


def _import(source: Path, directory: SessionDir) -> int:
    path = import_session(source, directory)
    _tell(f"{path}\nGo on with it: pi --session {path}")
    return 0


def _export(request: _Request, directory: SessionDir) -> int:
    source = _found(request.names[0], directory)
    out = request.names[1] if len(request.names) > 1 else export_name(source)
    flags = request.flags
    _export_to(source, out, branch=flags.get("--branch"), overwrite="--force" in flags)
    _tell(f"Exported to: {out}")
    return 0


def _found(ref: str, directory: SessionDir) -> Path:
    """The one session that `ref` names: an id, the start of one, or a path. Raises PiError."""
    rows = list_sessions(directory, all_projects=True)
    rows = [row for row in rows if row.id == ref] or [row for row in rows if row.id.startswith(ref)]
    rows = [row for row in rows if row.path.parent == directory.path] or rows
    if len(rows) > 1:
        paths = "\n".join(f"  {row.path}" for row in rows)
        raise PiError(
            f"Several sessions begin with {ref}. Write more of the id, or one of the paths:\n{paths}"
        )
    return rows[0].path if rows else find_session(ref, directory, os.environ).path


def _path(name: str) -> Path:
    return Path.cwd() / expand(name, os.environ)


def _export_to(
    source: Path,
    out: str,
    *,
    kind: Literal["jsonl", "html"] = "jsonl",
    branch: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a page where the name asks for one, else JSONL; into a folder under its usual name."""
    target = _path(out)
    if target.is_dir():
        target /= export_name(source, kind)
    if not is_page(target):
        export_jsonl(source, target, branch=branch, overwrite=overwrite)
        return
    from pi.harness.export.secrets import known_secrets
    from pi.harness.export.writing import export_html

    secrets = known_secrets(agent_dir(os.environ), os.environ)
    export_html(source, target, branch=branch, secrets=secrets, overwrite=overwrite)


def _item(row: SessionRow) -> _Item:
    return _Item(
        row.id,
        str(row.path),
        row.cwd,
        row.first_message,
        row.message_count,
        iso(row.created),
        iso(row.modified),
        row.name,
        str(row.parent) if row.parent else None,
        row.depth,
    )


def _table(rows: Sequence[SessionRow], *, folders: bool) -> str:
    """A line per session, its id as short as it is unique here; cut to the terminal's width."""
    short = _unique_length([row.id for row in rows])
    lines = [f"{'id':<{short}}  {'last message':<16}  messages  name, or first message"]
    for row in rows:
        when = datetime.fromtimestamp(row.modified / 1000).astimezone()
        title = row.name or row.first_message or "(no messages)"
        where = f"  ({' '.join(row.cwd.split())})" if folders else ""
        count = f"{row.message_count:>8}"
        lines.append(
            f"{row.id[:short]:<{short}}  {when:%Y-%m-%d %H:%M}  {count}  {'  ' * row.depth}{title}{where}"
        )
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return "\n".join(line[:width] for line in lines)


def _unique_length(ids: Sequence[str]) -> int:
    lengths = range(8, max(map(len, ids), default=8) + 1)
    wanted = len(set(ids))
    return next((length for length in lengths if len({id[:length] for id in ids}) == wanted), 8)


def _agreed(question: str) -> bool:
    """The user's answer. Raises PiError when nobody can be asked."""
    if not sys.stdin.isatty():
        raise PiError(f"{question} Nobody is there to answer: say so with --yes.")
    write_all(2, plain(f"{question} [y/N] ").encode("utf-8", "replace"))
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _kept() -> int:
    say("Nothing was deleted.")
    return 1


def _tell(text: str) -> None:
    write_all(1, f"{plain(text)}\n".encode("utf-8", "replace"))
