"""What the terminal can do, as far as its environment tells."""

import re
import subprocess
from collections.abc import Mapping

from pi.harness.settings import Settings

_LINK_PROGRAMS = {
    *(
        "kitty",
        "ghostty",
        "wezterm",
        "warpterminal",
        "iterm.app",
        "alacritty",
        "vscode",
        "zed",
        "rex",
        "herdr",
    ),
    *("hyper", "contour", "rio", "tabby"),
}
_LINK_TERMS = re.compile(r"(xterm-)?(kitty|ghostty)|alacritty|foot|contour|rio|wezterm")
_LINK_MARKS = (
    *("KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR", "WEZTERM_PANE", "WARP_SESSION_ID", "ITERM_SESSION_ID"),
    *("WARP_TERMINAL_SESSION_UUID", "WT_SESSION", "ALACRITTY_WINDOW_ID", "KONSOLE_VERSION"),
)
_LINKS_SINCE_VTE = 5000  # VTE 0.50
_TMUX_S = 0.25  # tmux answers within 10 ms, or something is wrong with it
EXTENDED_KEYS_OFF = (
    "tmux doesn't pass on keys such as Shift+Enter. Add `set -g extended-keys on` to ~/.tmux.conf and "
    "restart tmux."
)
EXTENDED_KEYS_XTERM = (
    "tmux passes keys on in the older of two ways. Add `set -g extended-keys-format csi-u` to ~/.tmux.conf "
    "and restart tmux."
)


def has_links(env: Mapping[str, str], settings: Settings) -> bool:
    """Whether the terminal shows OSC 8 links: as the settings, PI_HYPERLINKS or its name say."""
    said = settings.get("terminal.hyperlinks")
    if isinstance(said, bool):
        return said
    if env.get("PI_HYPERLINKS") in ("0", "1"):
        return env["PI_HYPERLINKS"] == "1"
    term = env.get("TERM", "").lower()
    if in_tmux(env):
        return "hyperlinks" in _tmux("display-message", "-p", "#{client_termfeatures}").split(",")
    if term.startswith("screen") or term in ("linux", "dumb"):
        return False
    vte = env.get("VTE_VERSION", "")
    return (
        env.get("TERM_PROGRAM", "").lower() in _LINK_PROGRAMS
        or _LINK_TERMS.match(term) is not None
        or any(env.get(mark) for mark in _LINK_MARKS)
        or (vte.isdecimal() and int(vte) >= _LINKS_SINCE_VTE)
    )


def has_unicode(env: Mapping[str, str]) -> bool:
    """Whether it shows more than ASCII: a UTF-8 locale, and not the console with its 256 characters."""
    if env.get("TERM") in ("linux", "dumb"):
        return False
    if any(env.get(mark) for mark in ("WT_SESSION", "WSL_DISTRO_NAME")):
        return True
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    # without a locale a container says nothing about the terminal that shows it, which is UTF-8 nowadays
    return not locale or locale in ("C", "POSIX") or "utf" in locale.lower()


def is_remote(env: Mapping[str, str]) -> bool:
    """Whether people sit at another machine than this."""
    names = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "MOSH_CONNECTION")
    return any(env.get(name) for name in names)


def in_tmux(env: Mapping[str, str]) -> bool:
    """Whether tmux is between Pi and the terminal."""
    return bool(env.get("TMUX")) or env.get("TERM", "").startswith("tmux")


async def tmux_hint(env: Mapping[str, str]) -> str:
    """What to change so that tmux passes all keys on; "" when there is nothing to change."""
    from pi.platform.process import run_captured

    async def shown(option: str) -> str | None:
        try:
            code, output = await run_captured(["tmux", "show", "-gv", option], timeout_ms=2000)
        except OSError:
            return None
        return output.decode("utf-8", "replace").strip() if code == 0 else None

    if not env.get("TMUX"):
        return ""
    keys = await shown("extended-keys")
    if keys is None:  # there is no such option before tmux 3.2, and nothing to change
        return ""
    if keys not in ("on", "always"):
        return EXTENDED_KEYS_OFF
    return EXTENDED_KEYS_XTERM if await shown("extended-keys-format") == "xterm" else ""


def _tmux(*args: str) -> str:
    try:
        found = subprocess.run(["tmux", *args], capture_output=True, timeout=_TMUX_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.decode("utf-8", "replace").strip()
