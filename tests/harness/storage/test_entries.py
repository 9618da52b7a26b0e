import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.storage.entries import (
    BashExecutionMessage,
    CompactionEntry,
    ContextEdit,
    CustomEntry,
    CustomMessageEntry,
    Label,
    MessageEntry,
    ModelChange,
    Replacement,
    SessionHeader,
    UnknownEntry,
    decode_entry,
    decode_header,
    encode_entry,
    iso_ms,
)
from pi.llm.messages import AssistantMessage, Cost, SystemMessage, Text, ToolCall, Usage, UserMessage

BASE = {"id": "aaaaaaaa", "parentId": None, "timestamp": "2026-01-01T10:00:00.000Z"}
ASSISTANT = {
    "role": "assistant",
    "content": [{"type": "text", "text": "hi"}],
    "api": "a",
    "provider": "p",
    "model": "m",
    "usage": {"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 3,
              "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0}},
    "stopReason": "stop",
    "timestamp": 7,
}  # fmt: skip


def line(**fields):
    return json.dumps({**BASE, **fields}).encode()


def message_of(message):
    entry = decode_entry(line(type="message", message=message))
    assert isinstance(entry, MessageEntry)
    return entry.message


def test_entries_are_written_as_the_original_writes_them():
    entry = MessageEntry("aaaaaaaa", None, "t", UserMessage((Text("é"),), 5))
    assert encode_entry(entry).decode() == (
        '{"type":"message","id":"aaaaaaaa","parentId":null,"timestamp":"t",'
        '"message":{"role":"user","content":[{"type":"text","text":"é"}],"timestamp":5}}'
    )
    assert encode_entry(SessionHeader(3, "x", "t", "/w")).decode() == (
        '{"type":"session","version":3,"id":"x","timestamp":"t","cwd":"/w"}'
    )
    assert encode_entry(ContextEdit("a", "b", "t", "b", None)).decode() == (
        '{"type":"context_edit","id":"a","parentId":"b","timestamp":"t","targetId":"b","replacement":null}'
    )
    assert encode_entry(CompactionEntry("a", "b", "t", "s", "b", 9, from_hook=False)).decode() == (
        '{"type":"compaction","id":"a","parentId":"b","timestamp":"t","summary":"s",'
        '"firstKeptEntryId":"b","tokensBefore":9,"fromHook":false}'
    )


@pytest.mark.parametrize(
    "entry",
    [
        ModelChange("a", None, "t", "p", "m"),
        Label("a", "b", "t", "b"),
        CustomEntry("a", None, "t", "c", {"n": [1, None]}),
        CustomMessageEntry("a", None, "t", "c", (Text("x"),), False, {"k": None}),
        ContextEdit("a", None, "t", "b", Replacement((Text("x"), ToolCall("i", "n", {"x": None})))),
        MessageEntry("a", None, "t", BashExecutionMessage("ls", "out", False, True, 3, 1, "/tmp/log", True)),
        MessageEntry("a", None, "t", SystemMessage("", 1, {"skills": None})),
        MessageEntry("a", None, "t", AssistantMessage((), "a", "p", "m", Usage(cost=Cost(1)), "error", 1)),
        MessageEntry("a", None, "t", UserMessage("half an emoji \ud83d here", 1)),
    ],
)
def test_what_is_written_is_read_back(entry):
    assert decode_entry(encode_entry(entry)) == entry


def test_lone_surrogates_are_read_and_written_as_javascript_does():
    raw = b'{"type":"message","id":"a","parentId":null,"timestamp":"t",'
    raw += b'"message":{"role":"user","content":"\\ud83d\xc3\xa9","timestamp":1}}'
    entry = decode_entry(raw)
    assert entry == MessageEntry("a", None, "t", UserMessage("\ud83dé", 1))
    assert encode_entry(entry) == raw


def test_whole_floats_and_nulls_count_as_the_numbers_they_stand_for():
    usage = {**ASSISTANT["usage"], "input": 3.0, "output": None, "reasoning": None, "cost": {"input": None}}
    assert message_of({**ASSISTANT, "timestamp": 7.0, "usage": usage}) == AssistantMessage(
        (Text("hi"),), "a", "p", "m", Usage(input=3, total_tokens=3), "stop", 7
    )


def test_missing_content_and_unknown_blocks_do_not_cost_the_message():
    when = iso_ms(BASE["timestamp"])
    assert message_of({"role": "user"}) == UserMessage((), when)
    assert message_of({"role": "system", "content": None, "timestamp": 1}) == SystemMessage("", 1)
    content = [
        {"type": "hologram"},
        {"type": "text", "text": "x"},
        {"type": "toolCall", "id": "i", "name": "n"},
    ]
    assert message_of({**ASSISTANT, "content": content, "stopReason": "whim"}).content == (
        Text("x"),
        ToolCall("i", "n", {}),
    )
    assert message_of({**ASSISTANT, "content": "plain"}).content == (Text("plain"),)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "hologram", "x": 1.0},
        {"type": "message", "message": {"role": "hologram"}},
        {"type": "message", "message": None},
        {"type": "label"},
        {"type": 3},
    ],
)
def test_what_we_cannot_understand_keeps_its_place_and_its_bytes(fields):
    raw = line(**fields)
    kind = fields["type"] if isinstance(fields["type"], str) else ""
    entry = decode_entry(raw + b"\n")
    assert entry == UnknownEntry(kind, "aaaaaaaa", None, BASE["timestamp"], raw)
    assert encode_entry(entry) == raw


@pytest.mark.parametrize("raw", [b"", b"\n", b"{", b"[1]", b"3", b'{"a":NaN}', b"\xff", b"[" * 100_000])
def test_a_malformed_line_is_no_entry(raw):
    assert decode_entry(raw) is None
    assert decode_header(raw) is None


@given(st.data())
def test_no_line_makes_reading_fail(data):
    raw = bytearray(line(type="message", message=ASSISTANT))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
        raw = raw or bytearray(b" ")
    decode_entry(bytes(raw))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(ASSISTANT)), json_values)
def test_no_value_in_any_field_makes_reading_fail(field, value):
    entry = decode_entry(line(type="message", message={**ASSISTANT, field: value}))
    assert entry is None or isinstance(entry, MessageEntry | UnknownEntry)


def test_details_that_are_no_json_do_not_keep_an_entry_from_being_saved():
    entry = CustomEntry("a", None, "t", "c", {"path": object, "bad": "\ud83d"})
    assert msgspec.json.decode(encode_entry(CustomEntry("a", None, "t", "c", {"x": object})))["data"] == {
        "x": "<class 'object'>"
    }
    assert json.loads(encode_entry(entry))["data"] == {"path": "<class 'object'>", "bad": "\ud83d"}


def test_a_header_is_read_with_whatever_it_has():
    raw = b'{"type":"session","version":3,"id":"x","timestamp":"t","cwd":"/w","parentSession":"/p","more":1}'
    assert decode_header(raw) == SessionHeader(3, "x", "t", "/w", "/p")
    assert decode_header(b'{"type":"session","id":"x","cwd":5}') == SessionHeader(3, "x", "", "")
    assert decode_header(b'{"type":"session"}') is None


def test_times_are_read_in_every_iso_form_and_nonsense_is_zero():
    assert iso_ms("2026-01-01T10:00:04.250Z") == 1767261604250
    assert iso_ms("2026-01-01T11:00:04+01:00") == 1767261604000
    assert iso_ms("yesterday") == 0
