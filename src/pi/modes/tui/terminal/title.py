"""The name of the terminal's window while Pi runs in it."""

from pi.modes.tui.lines import clean, cut

SAVE = "\x1b[22;0t"  # the terminal keeps its name …
RESTORE = "\x1b[23;0t"  # … and takes it back
_MOST = 200  # cells


def title_sequence(title: str) -> str:
    """Names window and tab. The title may be foreign: nothing in it can steer the terminal."""
    text = " ".join(clean(" ".join(title.split())).split())
    return f"\x1b]0;{cut(text, _MOST)[0]}\x07"


def session_title(name: str | None, folder: str) -> str:
    """What the window of a session is called."""
    return f"π - {name} - {folder}" if name else f"π - {folder}"
