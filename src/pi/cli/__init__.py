"""The command `pi`: argv becomes options, options become a mode; --version and --help import nothing else."""

import sys
from collections.abc import Callable, Sequence

from pi.cli.options import UsageError, help_text, parse
from pi.version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["acp"]:
        words = ["--mode", *words]
    if words and words[0] in SUBCOMMANDS:
        return SUBCOMMANDS[words[0]](words[1:])
    try:
        options = parse(words)
    except UsageError as error:
        from pi.platform.terminal import say

        say(f"Error: {error}")
        return 1
    if options.version:
        print(__version__)
        return 0
    if options.help:
        print(help_text())
        return 0
    try:
        from pi.cli.start import start

        return start(options)
    except KeyboardInterrupt:  # before the run, which has its own way to stop
        return 130


def _auth(words: Sequence[str]) -> int:
    from pi.cli.auth import main as auth

    return auth(words)


def _demo(words: Sequence[str]) -> int:
    from pi.modes.demo import main as demo

    return demo(words)


def _doctor(words: Sequence[str]) -> int:
    from pi.modes.doctor import main as doctor

    return doctor(words)


def _ext(words: Sequence[str]) -> int:
    from pi.cli.ext import main as ext

    return ext(words)


def _sessions(words: Sequence[str]) -> int:
    from pi.cli.session_commands import main as sessions

    return sessions(words)


def _tokens(words: Sequence[str]) -> int:
    from pi.cli.tokens import main as tokens

    return tokens(words)


def _update(words: Sequence[str]) -> int:
    from pi.modes.update import main as update

    return update(words)


def _usage(words: Sequence[str]) -> int:
    from pi.cli.usage import main as usage

    return usage(words)


SUBCOMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "auth": _auth,
    "demo": _demo,
    "doctor": _doctor,
    "ext": _ext,
    "sessions": _sessions,
    "tokens": _tokens,
    "update": _update,
    "usage": _usage,
}
