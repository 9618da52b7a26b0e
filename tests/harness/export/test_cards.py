"""What a page tells of each entry, and of the tree."""

from typing import Any

import pytest

from pi.harness.export.cards import Teller
from pi.harness.export.diffs import numbered_diff
from pi.harness.export.markup import Html
from pi.harness.export.page import (
    Alert,
    Card,
    Diff,
    DiffRow,
    Facts,
    Fold,
    Fork,
    Line,
    Picture,
    Pre,
    Prose,
    Row,
    Spending,
    Stub,
)
from pi.harness.export.secrets import Redactor
from pi.harness.export.talk import Talk
from pi.platform.errors import PiError
from tests.harness.export.talks import PNG, Script, call, two_branches


def told(script: Script, leaf: str | None = None) -> Talk:
    return Talk(script.data(), Redactor(()), leaf)


def moment(minute: int) -> int:
    return 1795424400000 + minute * 60_000


def prose(html: str) -> Prose:
    return Prose(Html(html))


def test_the_branch_with_the_newest_entry_is_shown_card_by_card() -> None:
    spent = ("1.2k in · 30 out", "$0.2500")
    stub = Stub(0, Fold("tool", "bash", "cat sky.txt", "not run", (), "open"), hidden=True)
    command, output = Pre(Html("cat sky.txt")), Pre(Html("scattering\n"), output=True)
    ran = Fold("tool", "bash", "cat sky.txt", "1 line", (command, output), "good")
    thought = Fold("thinking", "Thinking", "Rayleigh, surely.", "", (prose("<p>Rayleigh, surely.</p>\n"),))
    said = "<p>Why is the <strong>sky</strong> blue?</p>\n"

    cards = list(Teller(told(two_branches())).cards())

    assert cards == [
        Card(0, "note", "", (Line("Model: p/m"),), moment(1)),
        Card(1, "user", "You", (prose(said),), moment(2)),
        Card(2, "assistant", "p/m", (prose("<p>Let me look.</p>\n"), stub), moment(3), spent),
        Card(3, "tool", "", (ran,), moment(4), answers="s2-0"),
        Card(4, "assistant", "p/m", (thought, prose("<p>Short waves scatter.</p>\n")), moment(5), spent),
        Card(7, "user", "You", (prose("<p>And on Mars?</p>\n"),), moment(8), fork=Fork(2, 2, 5, None)),
        Card(8, "assistant", "p/m", (prose("<p>There dusk is blue.</p>\n"),), moment(9), spent),
    ]


def test_cards_of_other_branches_come_apart() -> None:
    cards = list(Teller(told(two_branches())).others())

    assert [(card.number, card.kind, card.fork) for card in cards] == [
        (5, "user", Fork(1, 2, None, 7)),
        (6, "assistant", None),
    ]


def test_the_tree_has_every_branch_below_the_entry_that_it_follows() -> None:
    script = two_branches()
    script.entry("label", script.rows[-1]["id"], targetId="00000002", label="sky")

    assert list(told(script).rows()) == [
        Row(0, 0, "note", "Model: p/m", "", minor=True, active=True),
        Row(1, 0, "user", "Why is the sky blue?", "sky", minor=False, active=True),
        Row(2, 0, "assistant", "Let me look.", "", minor=False, active=True),
        Row(3, 0, "tool", "bash cat sky.txt", "", minor=True, active=True),
        Row(4, 0, "assistant", "Short waves scatter.", "", minor=False, active=True),
        Row(5, 1, "user", "And at dusk?", "", minor=False, active=False),
        Row(6, 1, "assistant", "Then it is red.", "", minor=False, active=False),
        Row(7, 1, "user", "And on Mars?", "", minor=False, active=True),
        Row(8, 1, "assistant", "There dusk is blue.", "", minor=False, active=True),
    ]


def test_the_facts_are_sums_over_all_branches() -> None:
    assert told(two_branches()).facts() == Facts(
        title="Why is the sky blue?",
        id="talk",
        cwd="/w",
        begun=moment(0),
        counts="3 prompts · 4 answers · 1 tool call",
        tokens="4.8k in · 120 out",
        cost="$1.00",
        models=(Spending("p/m", "4.8k in · 120 out", "$1.00"),),
        branches=2,
    )


def test_another_leaf_shows_its_branch() -> None:
    assert told(two_branches(), "00000007").path == [0, 1, 2, 3, 4, 5, 6]
    with pytest.raises(PiError, match="Entry ffff not found"):
        told(two_branches(), "ffff")


def parts(kind: str, **fields: Any) -> tuple[Any, ...]:
    script = Script()
    script.entry(kind, None, **fields)
    (card,) = Teller(told(script)).cards()
    return (card.kind, card.title, card.parts, card.facts)


def test_summaries_notes_and_custom_messages_have_cards() -> None:
    summed = (Fold("more", "Summary", "", "148.2k tokens before", (prose("<p>All.</p>\n"),), open=True),)
    left = (Fold("more", "Summary", "", "", (prose("<p>Left.</p>\n"),), open=True),)
    compaction = {"summary": "All.", "firstKeptEntryId": "x", "tokensBefore": 148200}

    assert parts("compaction", **compaction) == ("summary", "Compaction", summed, ())
    title = "Summary of a branch that was left"
    assert parts("branch_summary", fromId="x", summary="Left.") == ("summary", title, left, ())
    assert parts("thinking_level_change", thinkingLevel="high") == ("note", "", (Line("Thinking: high"),), ())
    assert parts("session_info", name="Sky") == ("note", "", (Line("Named: Sky"),), ())
    shown = parts("custom_message", customType="review", content="*Fine*", display=True)
    assert shown == ("custom", "review", (prose("<p><em>Fine</em></p>\n"),), ())


def test_what_an_extension_hides_and_keeps_for_itself_has_no_card() -> None:
    script = Script()
    at = script.entry("custom_message", None, customType="x", content="hidden", display=False)
    at = script.entry("custom", at, customType="x", data={"a": 1})
    script.entry("of another version", at)
    assert list(Teller(told(script)).cards()) == []


def test_a_command_of_the_user_tells_how_it_ended() -> None:
    ran = {"command": "false", "output": "\x1b[31mno\x1b[0m\n", "cancelled": False, "truncated": False}
    message = {"role": "bashExecution", "timestamp": 1, "exitCode": 2, "excludeFromContext": True, **ran}

    kind, title, shown, facts = parts("message", message=message)

    output = Fold("more", "Output", "", "1 line", (Pre(Html("no\n"), output=True),), open=True)
    assert (kind, title, facts) == ("bash", "You ran", ("not sent to the model",))
    assert shown[1:] == (output, Alert("Ended with exit code 2."))


def test_a_failed_answer_says_why_and_its_calls_have_not_run() -> None:
    script = Script()
    script.answer(None, call("c", "plot", hours=24), stopReason="error", errorMessage="too busy")
    (card,) = Teller(told(script)).cards()

    arguments = Pre(
        Html(
            '<span class="o">{\n  </span><span class="k">&quot;hours&quot;</span><span class="o">: </span>'
            '<span class="n">24\n</span><span class="o">}</span>'
        )
    )
    fold = Fold("tool", "plot", "", "not run", (arguments,), "open")
    assert card.parts == (Stub(0, fold, hidden=False), Alert("too busy"))


def test_an_edit_is_shown_as_its_diff_with_the_words_that_differ() -> None:
    diff = " 1 a\n-2 tides = 1\n+2 tides = 24\n"
    script = Script()
    at = script.answer(None, call("c", "edit", path="a.py", edits=[{"oldText": "1", "newText": "24"}]))
    script.result(at, "c", "edit", "done", details={"diff": diff.rstrip()})
    cards = list(Teller(told(script)).cards())

    rows = (
        DiffRow(" ", "1", "a"),
        DiffRow("-", "2", "tides = ", "1", ""),
        DiffRow("+", "2", "tides = ", "24", ""),
    )
    assert cards[1].parts == (Fold("tool", "edit", "a.py", "+1 −1", (Diff(rows),), "good", open=True),)
    assert numbered_diff(" 1 a").rows == (DiffRow(" ", "1", "a"),)


def test_a_result_belongs_to_the_latest_call_of_its_id_on_its_branch() -> None:
    script = Script()
    first = script.answer(None, call("c", "read", path="one"))
    one = script.result(first, "c", "read", "1")
    second = script.answer(one, call("c", "read", path="two"))
    script.result(second, "c", "read", "2")
    script.result(second, "nobody's", "read", "3")
    talk = told(script)

    assert {at: tuple(place) for at, place in talk.answers.items()} == {1: (0, 0), 3: (2, 0)}
    assert [row.text for row in talk.rows()] == ["read one", "read one", "read two", "read two", "read"]


def test_images_are_shown_when_browsers_know_their_kind_and_are_data_only() -> None:
    script = Script()
    svg = {"type": "image", "data": "PHN2Zz4=", "mimeType": "image/svg+xml"}
    odd = {"type": "image", "data": '" onload="x', "mimeType": "image/png"}
    script.user(None, "", {"type": "image", "data": PNG, "mimeType": "image/png"}, svg, odd)
    (card,) = Teller(told(script)).cards()

    picture, *others = card.parts
    assert picture == Picture(f"data:image/png;base64,{PNG}")
    assert others == [Pre(Html(f"[image: {kind}]"), output=True) for kind in ("image/svg+xml", "image/png")]


def test_what_is_nested_too_deep_does_not_stop_a_page() -> None:
    script = Script()
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    script.answer(script.user(None, "one"), call("c", "plot", deep=deep))
    for redactor in (Redactor(()), Redactor(["secret-1"])):
        cards = list(Teller(Talk(script.data(), redactor)).cards())
        assert cards[0].kind == "user"


def test_a_tag_that_nothing_closes_is_text() -> None:
    script = Script()
    script.user(None, '<file name="a">\none\n</file><file name="b">two <skill name="c">')
    (card,) = Teller(told(script)).cards()
    text = prose("<p>&lt;file name=&quot;b&quot;&gt;two &lt;skill name=&quot;c&quot;&gt;</p>\n")
    assert card.parts == (Fold("more", "file", "a", "1 line", (Pre(Html("one\n")),)), text)


def test_files_in_a_prompt_are_folded() -> None:
    script = Script()
    script.user(None, '<file name="a.txt">\none\ntwo\n</file>\nWhat is this?')
    (card,) = Teller(told(script)).cards()

    file = Fold("more", "file", "a.txt", "2 lines", (Pre(Html("one\ntwo\n")),))
    assert card.parts == (file, prose("<p>What is this?</p>\n"))


def test_parents_in_a_circle_end_a_branch() -> None:
    script = Script()
    script.user("00000002", "one")
    script.user("00000001", "two")
    talk = told(script)

    assert (talk.path, [row.text for row in talk.rows()]) == ([0, 1], ["one", "two"])


def test_a_file_of_the_first_version_is_read_and_left_as_it_is() -> None:
    data = b'{"type":"session","id":"old","timestamp":"2025-01-01T00:00:00.000Z","cwd":"/w"}\n'
    data += b'{"type":"message","timestamp":"","message":{"role":"user","content":"Hello","timestamp":1}}\n'
    assert [row.text for row in Talk(data, Redactor(())).rows()] == ["Hello"]
