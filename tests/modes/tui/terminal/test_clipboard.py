"""Text and images to and from the clipboard, by programs that are really run."""

import asyncio
import base64
import sys
from pathlib import Path

import pytest

from pi.modes.tui.terminal.clipboard import copy, osc52, read_image, read_text
from pi.modes.tui.terminal.pasted import save_image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the programs are those of Linux")

PNG = b"\x89PNG\r\n\x1a\n and more"
HELLO = f"\x1b]52;c;{base64.b64encode('héllo'.encode()).decode()}\x07"


class Desk:
    """A folder of programs, and the environment in which only they are found."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.env = {"PATH": str(folder), "TERM": "xterm-256color"}
        self.written: list[str] = []

    def program(self, name: str, code: str) -> None:
        path = self._folder / name
        path.write_text(f"#!{sys.executable}\nimport os, sys\nhere = {str(self._folder)!r}\n{code}\n")
        path.chmod(0o755)

    def keeps(self, name: str) -> None:
        self.program(
            name,
            f"open(here + '/{name}.got', 'wb').write(repr(sys.argv[1:]).encode() + sys.stdin.buffer.read())",
        )

    def got(self, name: str) -> bytes | None:
        path = self._folder / f"{name}.got"
        return path.read_bytes() if path.exists() else None

    def copy(self, text: str, **env: str) -> bool:
        return asyncio.run(copy(text, self.written.append, self.env | env))

    def text(self, **env: str) -> str | None:
        return asyncio.run(read_text(self.env | env))

    def image(self, **env: str) -> tuple[bytes, str] | None:
        return asyncio.run(read_image(self.env | env))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("PATH", str(tmp_path))  # where programs are looked for
    return Desk(tmp_path)


def test_the_programs_of_the_display_are_used_and_the_terminal_is_left_alone(desk: Desk) -> None:
    desk.keeps("wl-copy")
    desk.keeps("xclip")
    assert desk.copy("héllo", WAYLAND_DISPLAY="wayland-0", DISPLAY=":0")
    assert (desk.got("wl-copy"), desk.got("xclip"), desk.written) == ("[]héllo".encode(), None, [])


def test_a_program_that_fails_is_followed_by_the_next(desk: Desk) -> None:
    desk.program("wl-copy", "sys.exit(1)")
    desk.keeps("xsel")
    assert desk.copy("x", WAYLAND_DISPLAY="wayland-0", DISPLAY=":0")
    assert desk.got("xsel") == b"['--clipboard', '--input']x"


def test_a_program_that_hangs_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pi.modes.tui.terminal.clipboard.LIMIT_MS", 100)
    desk.program("xclip", "import time; time.sleep(60)")
    assert desk.copy("héllo", DISPLAY=":0")
    assert desk.written == [HELLO]


def test_windows_gets_what_it_understands(desk: Desk) -> None:
    desk.keeps("clip.exe")
    assert desk.copy("ü", WSL_DISTRO_NAME="Debian")
    assert desk.got("clip.exe") == b"[]" + "ü".encode("utf-16")


def test_without_a_display_the_terminal_gets_the_text(desk: Desk) -> None:
    assert desk.copy("héllo")
    assert desk.written == [HELLO]


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION", "PI_CLIPBOARD_OSC52"])
def test_people_who_are_elsewhere_get_it_as_well(desk: Desk, name: str) -> None:
    desk.keeps("wl-copy")
    assert desk.copy("héllo", WAYLAND_DISPLAY="wayland-0", **{name: "1"})
    assert (desk.got("wl-copy"), desk.written) == ("[]héllo".encode(), [HELLO])


@pytest.mark.parametrize(
    "env", [{"TERM": "linux"}, {"TERM": "dumb"}, {"VTE_VERSION": "7600"}, {"TERM_PROGRAM": "Apple_Terminal"}]
)
def test_a_terminal_that_takes_nothing_is_no_way(desk: Desk, env: dict[str, str]) -> None:
    assert not desk.copy("x", **env)
    assert desk.written == []


def test_a_text_too_long_for_the_terminal_is_not_sent(desk: Desk) -> None:
    assert not desk.copy("x" * 80_000)
    assert desk.written == []
    assert not desk.copy("")


def test_tmux_passes_it_on_in_either_way_that_it_may_be_set_to() -> None:
    inner = HELLO.replace("\x1b", "\x1b\x1b")
    assert osc52("héllo", {"TMUX": "/tmp/tmux-0/default,1,0"}) == f"{HELLO}\x1bPtmux;{inner}\x1b\\"


def test_text_is_read_from_the_display(desk: Desk) -> None:
    desk.program("wl-paste", "sys.stdout.write('a\\r\\nb ' + ' '.join(sys.argv[1:]))")
    assert desk.text(WAYLAND_DISPLAY="wayland-0") == "a\nb --no-newline --type text"
    assert desk.text() is None


def test_images_are_read_in_the_best_type(desk: Desk) -> None:
    code = (
        "if sys.argv[1] == '--list-types': print('text/html\\nimage/bmp\\nimage/jpeg\\nimage/png')\n"
        f"elif sys.argv[1:] == ['--no-newline', '--type', 'image/png']: sys.stdout.buffer.write({PNG!r})"
    )
    desk.program("wl-paste", code)
    assert desk.image(WAYLAND_DISPLAY="wayland-0") == (PNG, "image/png")


def test_an_empty_wayland_clipboard_is_empty_whatever_x_still_has(desk: Desk) -> None:
    desk.program("wl-paste", "print('text/plain')")
    desk.program(
        "xclip", f"print('image/png') if 'TARGETS' in sys.argv else sys.stdout.buffer.write({PNG!r})"
    )
    assert desk.image(WAYLAND_DISPLAY="wayland-0", DISPLAY=":0") is None
    assert desk.image(DISPLAY=":0") == (PNG, "image/png")


def test_screenshots_of_windows_are_found_from_wsl(desk: Desk) -> None:
    desk.program("powershell.exe", f"print({base64.b64encode(PNG).decode()!r}, end='\\r\\n')")
    assert desk.image(WSL_DISTRO_NAME="Debian") == (PNG, "image/png")


def test_no_program_is_no_image(desk: Desk) -> None:
    assert desk.image(WAYLAND_DISPLAY="wayland-0", DISPLAY=":0") is None
    desk.program("powershell.exe", "print('no base64!')")
    assert desk.image(WSL_DISTRO_NAME="Debian") is None


def test_an_image_is_kept_where_only_its_owner_reads_it() -> None:
    path = save_image(PNG, "image/jpeg")
    try:
        assert (path.read_bytes(), path.suffix, path.stat().st_mode & 0o777) == (PNG, ".jpg", 0o600)
    finally:
        path.unlink()
