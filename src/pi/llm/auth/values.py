"""Values of keys and headers as configuration writes them: literals, `$NAME`, `${NAME}` and `!command`."""

import asyncio
import re
import threading
from collections.abc import Mapping

COMMAND_TIMEOUT_S = 10.0

# $$ and $! stand for themselves; a $ that begins nothing is a dollar sign
_DOLLAR = r"(?a)\$(?:(?P<literal>[$!])|(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})"

_outputs: dict[str, str | None] = {}  # of commands in auth.json, for as long as the process lives
_one_at_a_time = threading.Lock()  # of these


def resolve_value(text: str, env: Mapping[str, str], *, cached: bool = False) -> str | None:
    """What a value stands for; None when a variable is unset or empty, or its command gave nothing.

    `cached` runs each command at most once in this process, whatever came of it.
    """
    if not text.startswith("!"):
        if missing_names(text, env):
            return None
        return re.sub(_DOLLAR, lambda match: match["literal"] or env[match["name"] or match["braced"]], text)
    if not cached:
        return _output(text[1:], env)
    with _one_at_a_time:
        if text not in _outputs:
            _outputs[text] = _output(text[1:], env)
        return _outputs[text]


def known_value(text: str, env: Mapping[str, str]) -> str | None:
    """What a value stands for, as far as that is known without running a command."""
    return _outputs.get(text) if text.startswith("!") else resolve_value(text, env)


async def resolve_beside(text: str, env: Mapping[str, str], *, cached: bool = False) -> str | None:
    """Likewise, and the event loop goes on while a command runs."""
    if not text.startswith("!"):
        return resolve_value(text, env)
    return await asyncio.to_thread(resolve_value, text, env, cached=cached)


def missing_names(text: str, env: Mapping[str, str]) -> list[str]:
    """The variables that a value needs and that are unset or empty; none for a command, which is not run."""
    if text.startswith("!") or "$" not in text:
        return []
    names = (match["name"] or match["braced"] for match in re.finditer(_DOLLAR, text))
    return [name for name in dict.fromkeys(names) if name and not env.get(name)]


def _output(command: str, env: Mapping[str, str]) -> str | None:
    """What a command prints, trimmed; None when it fails, prints nothing or takes more than 10 s."""
    import subprocess

    try:
        # A shell on purpose: the user's own configuration holds a shell command line. The terminal stays
        # within reach, for password managers that ask there.
        done = subprocess.run(
            command,
            shell=True,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() or None
