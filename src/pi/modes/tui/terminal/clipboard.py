"""The clipboard: text to it, text and images from it, by the programs that are there or the terminal."""

import base64
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

from pi.modes.tui.terminal.capabilities import in_tmux, is_remote
from pi.platform.process import run, run_captured

LIMIT_MS = 3000  # a program that waits for a display that is gone is killed then
_MOST_OSC52 = 100_000  # base64 characters; terminals drop longer ones, some without end
_IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")
_UTF16 = {"clip", "clip.exe"}  # they take anything else for the console's code page
_OSASCRIPT_PNG = re.compile(rb"PNGf([0-9A-Fa-f]+)")
_POWERSHELL = ("powershell.exe", "-NoProfile", "-NonInteractive", "-STA", "-Command")
_WINDOWS_TEXT = "[Console]::OutputEncoding = [Text.Encoding]::UTF8; Get-Clipboard -Raw"
_WINDOWS_IMAGE = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; "
    "$image = [Windows.Forms.Clipboard]::GetImage(); if ($image) { $stream = New-Object IO.MemoryStream; "
    "$image.Save($stream, [Drawing.Imaging.ImageFormat]::Png); [Convert]::ToBase64String($stream.ToArray()) }"
)
Argv = Sequence[str]


async def copy(text: str, write: Callable[[str], None], env: Mapping[str, str] = os.environ) -> bool:
    """Put a text on the clipboard; whether some way was there. It takes LIMIT_MS for each program at most.

    Over SSH, and with PI_CLIPBOARD_OSC52=1, the terminal gets it as well: it is where people are.
    """
    if not text:
        return False
    copied = False
    for argv in _writers(env):
        if copied := await _give(argv, text, env):
            break
    far = is_remote(env) or env.get("PI_CLIPBOARD_OSC52") == "1"
    if far or (not copied and _takes_osc52(env)):
        sequence = osc52(text, env)
        if sequence:
            write(sequence)
            copied = True
    return copied


def osc52(text: str, env: Mapping[str, str] = os.environ) -> str:
    """The sequence that gives a text to the terminal's clipboard; "" for a text too long for that."""
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(encoded) > _MOST_OSC52:
        return ""
    sequence = f"\x1b]52;c;{encoded}\x07"
    if in_tmux(env):  # one of the two reaches the terminal, as tmux is configured
        escaped = sequence.replace("\x1b", "\x1b\x1b")
        return f"{sequence}\x1bPtmux;{escaped}\x1b\\"
    return sequence


async def read_text(env: Mapping[str, str] = os.environ) -> str | None:
    """The text on the clipboard; None when there is none, or no way to it."""
    for argv in _readers(env):
        found = await _take(argv, env)
        if found is not None:
            text = found.decode("utf-8", "replace").replace("\r\n", "\n")
            return text.removesuffix("\n") if argv[0] == _POWERSHELL[0] else text or None
    return None


async def read_image(env: Mapping[str, str] = os.environ) -> tuple[bytes, str] | None:
    """The image on the clipboard and its MIME type; None when there is none, or no way to it."""
    if env.get("TERMUX_VERSION"):
        return None
    if sys.platform == "darwin":
        return await _mac_image(env)
    if sys.platform == "win32":
        return await _windows_image(env)
    found: tuple[bytes, str] | None = None
    asked = False
    if env.get("WAYLAND_DISPLAY"):
        asked, found = await _offered(
            ("wl-paste", "--list-types"), lambda kind: ("wl-paste", "--no-newline", "--type", kind), env
        )
    if not asked and env.get("DISPLAY"):  # an empty Wayland clipboard is empty: X may still have an old one
        select = ("xclip", "-selection", "clipboard", "-o", "-t")
        _, found = await _offered((*select, "TARGETS"), lambda kind: (*select, kind), env)
    if found is None and _in_wsl(env):  # screenshots of Windows don't reach the clipboards of Linux
        found = await _windows_image(env)
    return found


async def _offered(
    listing: Argv, getting: Callable[[str], Argv], env: Mapping[str, str]
) -> tuple[bool, tuple[bytes, str] | None]:
    """Whether the clipboard could be asked, and its image in the best of the types that it has."""
    listed = await _take(listing, env)
    if listed is None:
        return False, None
    kinds = listed.decode("utf-8", "replace").split()
    kind = next((kind for kind in (*_IMAGES, "image/bmp") if kind in kinds), None)
    data = await _take(getting(kind), env) if kind else None
    return True, ((data, kind) if data and kind else None)


async def _mac_image(env: Mapping[str, str]) -> tuple[bytes, str] | None:
    data = await _take(("pngpaste", "-"), env)
    if data:
        return data, "image/png"
    said = await _take(("osascript", "-e", "get the clipboard as «class PNGf»"), env)
    match = _OSASCRIPT_PNG.search(said or b"")
    return (bytes.fromhex(match[1].decode()), "image/png") if match else None


async def _windows_image(env: Mapping[str, str]) -> tuple[bytes, str] | None:
    said = await _take((*_POWERSHELL, _WINDOWS_IMAGE), env)
    try:
        data = base64.b64decode((said or b"").strip(), validate=True)
    except ValueError:
        return None
    return (data, "image/png") if data else None


def _writers(env: Mapping[str, str]) -> list[Argv]:
    if sys.platform == "darwin":
        return [("pbcopy",)]
    if sys.platform == "win32":
        return [("clip",)]
    programs: list[Argv] = []
    if env.get("TERMUX_VERSION"):
        programs.append(("termux-clipboard-set",))
    if env.get("WAYLAND_DISPLAY"):
        programs.append(("wl-copy",))
    if env.get("DISPLAY"):
        programs += [("xclip", "-selection", "clipboard"), ("xsel", "--clipboard", "--input")]
    if _in_wsl(env):
        programs.append(("clip.exe",))
    return programs


def _readers(env: Mapping[str, str]) -> list[Argv]:
    if sys.platform == "darwin":
        return [("pbpaste",)]
    if sys.platform == "win32":
        return [(*_POWERSHELL, _WINDOWS_TEXT)]
    programs: list[Argv] = []
    if env.get("TERMUX_VERSION"):
        programs.append(("termux-clipboard-get",))
    if env.get("WAYLAND_DISPLAY"):
        programs.append(("wl-paste", "--no-newline", "--type", "text"))
    if env.get("DISPLAY"):
        programs += [("xclip", "-selection", "clipboard", "-o"), ("xsel", "--clipboard", "--output")]
    if _in_wsl(env):
        programs.append((*_POWERSHELL, _WINDOWS_TEXT))
    return programs


async def _give(argv: Argv, text: str, env: Mapping[str, str]) -> bool:
    """Whether the program took the text from its stdin: a file, which never blocks, whatever it does."""
    data = text.encode("utf-16") if argv[0] in _UTF16 else text.encode("utf-8", "replace")
    try:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            end = await run(argv, on_output=lambda _: None, env=env, stdin=file, timeout_ms=LIMIT_MS)
    except OSError:
        return False
    return end.code == 0


async def _take(argv: Argv, env: Mapping[str, str]) -> bytes | None:
    """What the program prints; None when it isn't there or fails."""
    try:
        code, output = await run_captured(argv, env=env, timeout_ms=LIMIT_MS)
    except OSError:
        return None
    return output if code == 0 else None


def _takes_osc52(env: Mapping[str, str]) -> bool:
    """Whether the terminal may take it: some don't, and nobody would know."""
    deaf = env.get("TERM") in ("linux", "dumb") or env.get("TERM_PROGRAM") == "Apple_Terminal"
    return not deaf and (in_tmux(env) or not env.get("VTE_VERSION"))


def _in_wsl(env: Mapping[str, str]) -> bool:
    return sys.platform == "linux" and bool(env.get("WSL_DISTRO_NAME") or env.get("WSL_INTEROP"))
