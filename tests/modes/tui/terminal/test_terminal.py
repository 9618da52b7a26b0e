"""What the terminal is told and asked, what it can do, and what is left in it."""

import asyncio
import base64
from pathlib import Path

import pytest

from pi.harness.settings import Settings
from pi.modes.tui.terminal.capabilities import (
    EXTENDED_KEYS_OFF,
    EXTENDED_KEYS_XTERM,
    has_links,
    has_unicode,
    is_remote,
    tmux_hint,
)
from pi.modes.tui.terminal.crash import crash_message, crash_report, write_crash_log
from pi.modes.tui.terminal.exit_output import exit_output, resume_hint
from pi.modes.tui.terminal.progress import BUSY, IDLE, STATUS_QUERY, ProgramStatus, Progress, status_sequence
from pi.modes.tui.terminal.title import session_title, title_sequence


def test_nothing_in_a_title_steers_the_terminal() -> None:
    assert title_sequence("π - a\x07b\x1b]0;c\x07\n\x9b31md") == "\x1b]0;π - ab d\x07"
    assert title_sequence("漢" * 300) == f"\x1b]0;{'漢' * 100}\x07"
    assert session_title("fix it", "pi") == "π - fix it - pi"
    assert session_title(None, "pi") == "π - pi"


def test_the_bar_in_the_tab_is_written_only_when_it_changes() -> None:
    written: list[str] = []
    progress = Progress(written.append, enabled=True)
    progress.again()
    for busy in (False, True, True, False):
        progress.set(busy)
        progress.again()
    assert written == [BUSY, BUSY, BUSY, IDLE]


def test_the_bar_is_not_written_unless_people_want_it() -> None:
    written: list[str] = []
    Progress(written.append, enabled=False).set(True)
    assert written == []


def status(state: str, message: str = "", kind: str = "") -> str:
    given = f":kind={kind}" if kind else ""
    told = f":msg={base64.b64encode(message.encode()).decode()}" if message else ""
    return f"\x1b]7501;state={state}:app=pi{given}{told}\x1b\\"


def test_the_status_waits_until_the_terminal_takes_it() -> None:
    written: list[str] = []
    told = ProgramStatus(written.append)
    told.set("working", "my session")
    assert (told.query, written) == (STATUS_QUERY, [])
    told.allow()
    told.set("working", "my session")
    told.block("dialog", "Delete it?")
    told.block("login", "Log in", "auth")
    told.unblock("login")
    told.unblock("dialog")
    told.set("done", "my session")
    assert written == [
        status("working", "my session"),
        status("blocked", "Delete it?", "question"),
        status("blocked", "Log in", "auth"),
        status("blocked", "Delete it?", "question"),
        status("working", "my session"),
        status("done", "my session"),
    ]


@pytest.mark.parametrize(("setting", "first"), [("1", [status("idle")]), ("0", [])])
def test_the_status_can_be_forced_and_forbidden(setting: str, first: list[str]) -> None:
    written: list[str] = []
    told = ProgramStatus(written.append, setting)
    told.allow()
    assert (told.query, written) == ("", first)


def test_a_status_holds_one_clean_line() -> None:
    assert status_sequence("error", "no \x1b]0;x\x07way\nmore") == status("error", "no way")
    assert status_sequence("error", "é" * 2000) == status("error", "é" * 1024)


@pytest.mark.parametrize(
    ("env", "setting", "links"),
    [
        ({"TERM": "xterm-kitty"}, None, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, None, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, None, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4800"}, None, False),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, None, True),
        ({"TERM": "xterm-256color"}, None, False),
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color", "PI_HYPERLINKS": "1"}, None, True),
        ({"TERM": "xterm-kitty", "PI_HYPERLINKS": "0"}, None, False),
        ({"TERM": "xterm-kitty", "PI_HYPERLINKS": "auto"}, "auto", True),
        ({"TERM": "xterm-kitty", "PI_HYPERLINKS": "1"}, False, False),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, None, False),
        ({"TERM": "linux"}, None, False),
        ({}, None, False),
    ],
)
def test_links_are_shown_where_they_work_or_as_people_say(
    env: dict[str, str], setting: object, links: bool
) -> None:
    settings = Settings({"terminal": {"hyperlinks": setting}} if setting is not None else {})
    assert has_links(env, settings) is links


@pytest.mark.parametrize(
    ("env", "unicode"),
    [
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LC_ALL": "en_US.ISO-8859-1", "LANG": "en_US.UTF-8"}, False),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({}, True),
        ({"LANG": "C"}, True),
        ({"TERM": "linux", "LANG": "de_DE.UTF-8"}, False),
        ({"TERM": "dumb", "LANG": "de_DE.UTF-8"}, False),
    ],
)
def test_unicode_is_shown_where_it_can_be(env: dict[str, str], unicode: bool) -> None:
    assert has_unicode(env) is unicode


def test_people_may_be_at_another_machine() -> None:
    assert is_remote({"SSH_TTY": "/dev/pts/3"})
    assert not is_remote({"SSH_AUTH_SOCK": "/run/agent"})


@pytest.mark.parametrize(
    ("keys", "form", "hint"),
    [
        ("off", "xterm", EXTENDED_KEYS_OFF),
        ("on", "xterm", EXTENDED_KEYS_XTERM),
        ("always", "csi-u", ""),
        ("on", None, ""),
        (None, None, ""),
    ],
)
def test_a_tmux_that_loses_keys_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str | None, form: str | None, hint: str
) -> None:
    script = "#!/bin/sh\ncase $3 in\n"
    for name, value in (("extended-keys", keys), ("extended-keys-format", form)):
        script += f"{name}) {f'echo {value}' if value else 'exit 1'};;\n"
    (tmp_path / "tmux").write_text(f"{script}esac\n")
    (tmp_path / "tmux").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert asyncio.run(tmux_hint({"TMUX": "/tmp/tmux"})) == hint
    assert asyncio.run(tmux_hint({})) == ""


def test_the_end_of_the_transcript_stays_with_how_to_go_on() -> None:
    lines = [f"line {number}" for number in range(10)] + ["", "  "]
    assert exit_output(lines, height=1, session_id="abc", latest=True) == (
        "… 7 earlier lines\nline 7\x1b[0m\nline 8\x1b[0m\nline 9\x1b[0m\n\n"
        "To go on with this session: pi --continue\n"
    )
    assert exit_output(["a"], height=9) == "a\x1b[0m\n"
    assert exit_output([], height=9, session_id="it's") == (
        "To go on with this session: pi --session 'it'\"'\"'s'\n"
    )
    assert exit_output([], height=9) == ""
    assert resume_hint(None) == ""


def failed() -> BaseException:
    try:
        try:
            int("secret-key")
        except ValueError as error:
            raise RuntimeError("sk-secret") from error
    except RuntimeError as error:
        return error


def test_a_crash_log_tells_where_and_no_secret(tmp_path: Path) -> None:
    error = failed()
    path = write_crash_log(tmp_path / "agent", error, now=0)
    assert path == tmp_path / "agent" / "pi-crash.log"
    assert write_crash_log(tmp_path / "agent", error, now=0) == path
    text = path.read_text()
    assert text == crash_report(error, 0) * 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert "1970-01-01 00:00:00Z" in text
    assert "in failed" in text
    assert text.index("builtins.ValueError") < text.index("and then:") < text.index("builtins.RuntimeError")
    assert "secret" not in text.replace('int("secret-key")', "").replace('RuntimeError("sk-secret")', "")


def test_people_are_told_where_the_crash_log_is(tmp_path: Path) -> None:
    assert crash_message(failed(), tmp_path / "pi-crash.log") == (
        f"Pi has ended by a fault of its own (RuntimeError). What happened is in {tmp_path}/pi-crash.log. "
        "Your session is kept: `pi --continue` goes on with it."
    )
    (tmp_path / "file").write_text("")
    assert write_crash_log(tmp_path / "file", failed()) is None


def test_groups_of_errors_are_told_in_full() -> None:
    group = BaseExceptionGroup("several", [failed(), KeyError("x")])
    text = crash_report(group, 0)
    assert text.count("of the group:") == 2
    assert "builtins.KeyError" in text
