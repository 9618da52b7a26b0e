"""The command `pi`: argv becomes options, options become a mode; --version and --help import nothing else."""

import sys
from collections.abc import Sequence

from pi.cli.options import UsageError, help_text, parse
from pi.version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["demo"]:
        from pi.modes.demo import main as demo

        return demo(words[1:])
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
    from pi.cli.start import start

    return start(options)
