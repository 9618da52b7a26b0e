"""The command line of `pi ext`: new, check, load and list."""

import os
from collections.abc import Sequence
from pathlib import Path

from pi.harness.storage.files import agent_dir
from pi.platform.errors import PiError
from pi.platform.terminal import plain, say, write_all

HELP = """Usage: pi ext new NAME|PATH [--tool] [--command] [--gate] [--project]
       pi ext check FILE|FOLDER|NAME [--json]
       pi ext load FILE|FOLDER|NAME
       pi ext list [--json]

  new     write a small extension that works, as a beginning; by default with a tool and a command
  check   load and try one beside a scripted model, without network and away from your files; say what it
          declares, what is wrong and where. Exit code 1 when it won't work
  load    in a command of a running session (the model's bash tool): check it, then have the session load it
          before its next turn; again after each change. Its tools are then called like all tools: no
          command runs them
  list    what a session in this folder would load, and what is wrong with it

  --project   into this folder's .pi/extensions instead of the user's extensions
  --json      the same as JSON"""
_FLAGS = {
    "new": ("--tool", "--command", "--gate", "--project"),
    "check": ("--json",),
    "load": (),
    "list": ("--json",),
}


def main(words: Sequence[str]) -> int:
    """Do what the words say; the result is the exit code."""
    if not words or "--help" in words or "-h" in words:
        print(HELP)
        return 0 if words else 1
    verb, *rest = words
    try:
        flags, names = _understood(verb, rest)
        match verb:
            case "new":
                return _new(names[0], flags)
            case "check":
                return _check(names[0], as_json="--json" in flags)
            case "load":
                return _load(names[0])
            case _:
                return _list(as_json="--json" in flags)
    except PiError as error:
        say(f"Error: {error}")
        return 1
    except BrokenPipeError:  # the reader has seen enough
        return 1


def _understood(verb: str, words: Sequence[str]) -> tuple[set[str], list[str]]:
    """The flags and the names. Raises PiError."""
    if verb not in _FLAGS:
        raise PiError(f"pi ext doesn't know {verb}.\n\n{HELP}")
    flags = {word for word in words if word.startswith("-")}
    names = [word for word in words if word not in flags]
    if unknown := sorted(flags.difference(_FLAGS[verb])):
        raise PiError(f"pi ext {verb} doesn't know {unknown[0]}.\n\n{HELP}")
    wanted = 0 if verb == "list" else 1
    if len(names) != wanted:
        raise PiError(f"pi ext {verb} takes {'one name or path' if wanted else 'no name'}.\n\n{HELP}")
    return flags, names


def _new(named: str, flags: set[str]) -> int:
    from pi.modes.ext.new import DEFAULT, source_of, target_of, write_new

    cwd = Path.cwd()
    base = cwd / ".pi" if "--project" in flags else agent_dir(os.environ)
    name, path = target_of(named, base / "extensions", cwd)
    parts = [flag.removeprefix("--") for flag in sorted(flags) if flag != "--project"]
    write_new(path, source_of(name, parts or DEFAULT))
    found_there = path.parent.name == "extensions"
    use = "pi, which finds it there" if found_there else f"pi -e {path}"
    _tell(
        f"Wrote {path}\n\nEdit it, then:\n  check it:  pi ext check {path}\n  use it:    {use}\n"
        f"  in a running session, have the model run: pi ext load {path}"
    )
    return 0


def _check(named: str, *, as_json: bool) -> int:
    from pi.modes.ext import report
    from pi.modes.ext.examine import examine, find_one

    reports = examine(*find_one(named, Path.cwd(), agent_dir(os.environ)))
    _tell(report.as_json(reports) if as_json else plain(report.as_text(reports, verdict=True)))
    return 0 if reports.ok else 1


def _load(named: str) -> int:
    from pi.harness.extensions.load_requests import in_session, refusal, request_load, untrusted_project
    from pi.modes.ext import report
    from pi.modes.ext.examine import examine, find_one

    path, sources = find_one(named, Path.cwd(), agent_dir(os.environ))
    if why := refusal(path, untrusted_project()):
        raise PiError(why)
    if not in_session():
        raise PiError(
            "pi ext load works inside a session, in a command of the model's bash tool. Elsewhere, check "
            f"it with `pi ext check {path}` and start a session that has it with `pi -e {path}`."
        )
    reports = examine(path, sources)
    _tell(plain(report.as_text(reports, verdict=True)))
    if not reports.ok:
        return 1
    if not request_load(path.absolute()):
        raise PiError("The session is over.")
    _tell("It is loaded before your next turn.")
    return 0


def _list(*, as_json: bool) -> int:
    import asyncio

    from pi.modes.ext import report
    from pi.modes.ext.examine import list_all

    reports = asyncio.run(list_all(Path.cwd(), agent_dir(os.environ)))
    text = report.as_json(reports) if as_json else plain(report.as_text(reports, verdict=False))
    _tell(text or "No extensions here. To begin one: pi ext new NAME")
    return 0 if reports.ok else 1


def _tell(text: str) -> None:
    write_all(1, f"{text}\n".encode("utf-8", "replace"))
