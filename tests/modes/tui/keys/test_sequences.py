"""What terminals send, byte by byte, and the keys that it is."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from pi.modes.tui.keys.actions import ACTIONS, Platform
from pi.modes.tui.keys.names import key_of
from pi.modes.tui.keys.sequences import MODIFY_OTHER_KEYS, KeyboardReport, PiParser

BITS = {"shift": 1, "alt": 2, "ctrl": 4, "super": 8}
CODES = {"escape": 27, "enter": 13, "tab": 9, "space": 32, "backspace": 127}
LETTERED = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
NUMBERED = {"delete": 3, "insert": 2, "pageUp": 5, "pageDown": 6}
PLATFORMS: tuple[Platform, ...] = ("unix", "windows", "wsl")
DEFAULT_KEYS = sorted(
    {key for action in ACTIONS.values() for platform in PLATFORMS for key in action.defaults(platform)}
)


def split(key: str) -> tuple[int, str]:
    *modifiers, base = key.split("+")
    return sum(BITS[name] for name in modifiers), base


def kitty(key: str) -> str:
    """As a terminal sends it with the flags that Textual asks for."""
    bits, base = split(key)
    given = f";{bits + 1}" if bits else ""
    if base in LETTERED:
        return f"\x1b[1{given}{LETTERED[base]}" if bits else f"\x1b[{LETTERED[base]}"
    if base in NUMBERED:
        return f"\x1b[{NUMBERED[base]}{given}~"
    code = CODES.get(base) or ord(base)
    text = f";{ord(base.upper())}" if bits == BITS["shift"] and base.isalpha() and len(base) == 1 else ""
    return f"\x1b[{code}{given}{text}u"


def other(key: str) -> str | None:
    """As xterm and tmux send it with modifyOtherKeys."""
    bits, base = split(key)
    if not bits or base in LETTERED or base in NUMBERED:
        return None
    code = CODES.get(base) or ord(base.upper() if bits & 1 else base)
    return f"\x1b[27;{bits + 1};{code}~"


def legacy(key: str) -> str | None:
    """As a terminal sends it that knows nothing newer; None if it can't."""
    bits, base = split(key)
    if base in LETTERED or base in NUMBERED:
        return kitty(key)
    if key in ("shift+tab", "shift+enter", "ctrl+backspace"):
        return "\x1b[Z" if key == "shift+tab" else None
    if bits & BITS["ctrl"] and bits & BITS["shift"]:
        return None
    character = chr(CODES[base]) if base in CODES else base.upper() if bits & BITS["shift"] else base
    if bits & BITS["ctrl"]:
        character = "\x1f" if base == "-" else chr(ord(base.upper()) & 0x1F)
    return ("\x1b" if bits & BITS["alt"] else "") + character


def events_of(chunks: Iterable[str], env: Mapping[str, str] | None = None) -> list[Message]:
    parser = PiParser(env=env or {})
    found = [event for chunk in chunks for event in parser.feed(chunk)]
    if parser._timeout_time is not None:
        parser._timeout_time = 0.0  # the time is over
        found += parser.tick()
    return found


def keys_of(*chunks: str, env: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    found = events_of(chunks, env)
    assert all(isinstance(event, events.Key) for event in found)
    return [tuple(key_of(event)) for event in found if isinstance(event, events.Key)]


SENT = [
    (sequence, key)
    for key in DEFAULT_KEYS
    for form in (legacy, kitty, other)
    if (sequence := form(key)) is not None
]


@pytest.mark.parametrize(("sequence", "key"), SENT)
def test_every_default_key_is_known_wherever_its_bytes_are_split(sequence: str, key: str) -> None:
    assert [name for name, _ in keys_of(sequence)] == [key]
    assert [name for name, _ in keys_of(*sequence)] == [key]
    for at in range(1, len(sequence)):
        assert [name for name, _ in keys_of(sequence[:at], sequence[at:])] == [key]


@pytest.mark.parametrize("form", [legacy, kitty, other])
def test_all_keys_in_one_piece_are_the_same_keys(form: object) -> None:
    assert callable(form)
    sent = [(form(key), key) for key in DEFAULT_KEYS if key != "escape"]
    text = "".join(sequence for sequence, _ in sent if sequence)
    assert [name for name, _ in keys_of(text)] == [key for sequence, key in sent if sequence]


@pytest.mark.parametrize(
    ("sequence", "key"),
    [
        ("a", ("a", "a")),
        ("A", ("shift+a", "A")),
        ("é", ("é", "é")),
        ("漢", ("漢", "漢")),
        ("!", ("!", "!")),
        ("_", ("_", "_")),
        ("-", ("-", "-")),
        ("@", ("@", "@")),
        (" ", ("space", " ")),
        ("\x1b[97u", ("a", "a")),
        ("\x1b[97;1;97u", ("a", "a")),
        ("\x1b[97:65;2;65u", ("shift+a", "A")),
        ("\x1b[49:33;2;33u", ("!", "!")),
        ("\x1b[27;2;33~", ("!", "!")),
        ("\x1b[27;2;65~", ("shift+a", "A")),
        ("\x1b[32;2;32u", ("shift+space", " ")),
        ("\x1b[0;;228u", ("ä", "ä")),  # from an input method
        ("\x1b[97;65;97u", ("a", "a")),  # with Caps Lock
        ("\x1b[57400;129;49u", ("1", "1")),  # keypad with Num Lock
        ("\x1b[112;3;960u", ("π", "π")),  # Option on a Mac
        ("\x1b[113;7;64u", ("@", "@")),  # AltGr as Ctrl+Alt
        ("\x1b[112;3;112u", ("alt+p", "")),
        ("\x1b[1089::99;5u", ("ctrl+c", "")),  # Ctrl+с on a Russian keyboard
        ("\x1b[1076:1044:108;2;1044u", ("shift+l", "Д")),
        ("\x1b[1076::108;1;1076u", ("l", "д")),
        ("\x1b[47:63;6u", ("ctrl+?", "")),
        ("\x1b[45:95;6u", ("ctrl+-", "")),
        ("\x1b[97;1:2u", ("a", "a")),  # held down
        ("\x1b[1;1:2A", ("up", "")),
        ("\x1b[1;2P", ("shift+f1", "")),
        ("\x1b[13~", ("f3", "")),
        ("\x1b[24;5~", ("ctrl+f12", "")),
        ("\x1b[107;13u", ("ctrl+super+k", "")),
        ("\x1b[57414;2u", ("shift+enter", "")),  # Enter of the keypad
        ("\x1b[E", ("clear", "")),
        ("\x1bOM", ("enter", "")),
        ("\x1bOA", ("up", "")),
        ("\x1bOq", ("1", "1")),
        ("\x1bOa", ("ctrl+up", "")),
        ("\x1b[3^", ("ctrl+delete", "")),
        ("\x1b[7$", ("shift+home", "")),
        ("\x1b[a", ("shift+up", "")),
        ("\x1b[5A", ("ctrl+up", "")),
        ("\x1b[[C", ("f3", "")),
        ("\x1b\x1b[A", ("alt+up", "")),
        ("\x1b\x08", ("alt+backspace", "")),
        ("\x1bB", ("shift+alt+b", "")),
        ("\x1b ", ("alt+space", "")),
        ("\x1b[", ("alt+[", "")),
        ("\x1b]", ("alt+]", "")),
        ("\x1bO", ("shift+alt+o", "")),
        ("\x00", ("ctrl+space", "")),
        ("\x08", ("backspace", "")),
        ("\x1e", ("ctrl+^", "")),
    ],
)
def test_keys_have_the_originals_names_and_type_what_they_type(sequence: str, key: tuple[str, str]) -> None:
    assert keys_of(sequence) == [key]
    assert keys_of(*sequence) == [key]


def test_windows_terminal_sends_another_byte_for_ctrl_backspace() -> None:
    assert keys_of("\x08\x7f", env={"WT_SESSION": "1"}) == [("ctrl+backspace", ""), ("backspace", "")]
    assert keys_of("\x08", env={"WT_SESSION": "1", "SSH_TTY": "/dev/pts/1"}) == [("backspace", "")]


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[97;1:3u",  # a key is let go
        "\x1b[57441;2u",  # Shift alone
        "\x1b[57430u",  # a media key
        "\x1b]11;rgb:0c0c/0c0c/0c0c\x1b\\",
        "\x1b]11;rgb:0c0c/0c0c/0c0c\x07",
        "\x1bP>|tmux 3.5\x1b\\",
        "\x1b_Gi=1;OK\x1b\\",
        "\x1b[?997;1n",
        "\x1b[6;20;10t",
        "\x1b[1;2",  # its end never comes
        "\x1b]11;rgb:0c",
        "\x1b[M !!",
        "\x1b[999999999u",
        "\x1b[97;17u",  # Hyper
        "\x9b",
    ],
)
def test_what_is_no_key_is_never_typed(sequence: str) -> None:
    assert events_of([sequence]) == []
    assert events_of(sequence) == []


def test_escape_is_told_from_what_begins_with_it() -> None:
    assert keys_of("\x1b") == [("escape", "")]
    assert keys_of("\x1b\x1b") == [("escape", ""), ("escape", "")]
    # what one terminal sends when Escape is pressed and let go
    assert keys_of("\x1b\x1b[27;1:3u") == [("escape", "")]
    assert keys_of("\x1b[\x1b[A") == [("alt+[", ""), ("up", "")]


def test_a_paste_is_one_event_wherever_it_is_split() -> None:
    text = "a\x1b[200~one\r\ntwo\rthree\x1b[A \0ü\x1b[106;5u\x1b[201~b"
    for size in (1, 2, 3, 5, len(text)):
        found = events_of(text[at : at + size] for at in range(0, len(text), size))
        assert [event.text if isinstance(event, events.Paste) else "" for event in found] == [
            "",
            "one\ntwo\nthree\x1b[A ü\n",
            "",
        ]


def test_mouse_focus_and_reports_are_textuals() -> None:
    found = events_of("\x1b[<0;3;4M\x1b[<64;1;1M\x1b[I\x1b[O\x1b[?2026;2$y\x1b[48;20;80;400;800t")
    assert [type(event).__name__ for event in found] == [
        "MouseDown",
        "MouseScrollUp",
        "AppFocus",
        "AppBlur",
        "TerminalSupportsSynchronizedOutput",
        "Resize",
    ]


def test_a_terminal_without_the_kitty_protocol_is_asked_for_the_older_one() -> None:
    reports = [event for event in events_of(["\x1b[?62;22c"]) if isinstance(event, KeyboardReport)]
    assert [(report.kitty, report.reply) for report in reports] == [(False, MODIFY_OTHER_KEYS)]


def test_a_terminal_with_the_kitty_protocol_is_asked_for_nothing_more() -> None:
    found = events_of("\x1b[?29u\x1b[?62;22c")
    reports = [event for event in found if isinstance(event, KeyboardReport)]
    assert [(report.kitty, report.reply) for report in reports] == [(True, "")]


def test_with_the_kitty_protocol_what_people_mapped_to_shift_enter_is_that() -> None:
    found = [event for event in events_of(["\x1b[?29u", "\x1b\r"]) if isinstance(event, events.Key)]
    assert [key_of(event).name for event in found] == ["shift+enter"]


SEQUENCES = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.text(alphabet="\x1b[]O<?;:0123456789uMm~ARPtc$_\x07\\\\ \x9b", max_size=40),
        st.from_regex(
            r"\x1b\[\d{1,7}(:\d{0,7}){0,2}(;\d{0,4}(:[123])?)?(;[\d:]{0,20})?[u~A-SMm]", fullmatch=True
        ),
    ),
    max_size=8,
).map("".join)


@given(SEQUENCES, st.integers(1, 7))
def test_whatever_a_terminal_sends_nothing_breaks_and_pieces_mean_the_same(text: str, size: int) -> None:
    def told(found: list[Message]) -> list[object]:
        return [key_of(event) if isinstance(event, events.Key) else type(event) for event in found]

    whole = told(events_of([text]))
    assert told(events_of(text[at : at + size] for at in range(0, len(text), size))) == whole


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30))
def test_what_is_typed_is_what_arrives(text: str) -> None:
    assert "".join(typed for _, typed in keys_of(text)) == text


def test_a_sequence_without_end_is_given_up_and_what_follows_is_heard() -> None:
    assert keys_of("\x1b[" + "1" * 5000 + "u", "\x1b[<" + "1" * 50 + ";1;1M", "x") == [("x", "x")]
