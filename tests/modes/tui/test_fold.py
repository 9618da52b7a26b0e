"""What each event of the session does to the transcript, the line that works, and the footer."""

from typing import Any

import pytest
from msgspec import structs

from pi.agent import events as agent
from pi.harness import events as told
from pi.harness.extensions.api import ExtensionAPI
from pi.harness.storage.entries import BashExecutionMessage, CustomMessage
from pi.llm.events import BlockEnd
from pi.llm.messages import ToolCall, Usage
from pi.sdk import ExtensionChoice
from pi.testing import Reply
from tests.modes.tui.screens.talk import (
    AT,
    answer,
    begin,
    calls,
    ended,
    prints,
    result,
    runs,
    starts,
    tell,
    user,
    writes,
)
from tests.modes.tui.world import World, run


def fold(*events: Any, width: int = 80) -> list[str]:
    """The lines of the transcript after these events."""
    lines: list[str] = []

    async def act(there: World) -> None:
        there.size = (width, 24)
        tell(there, *events)
        lines.extend(there.transcript())

    run(act)
    return lines


def test_an_answer_grows_as_it_comes_and_its_end_counts() -> None:
    said = [starts(), writes("thinking_delta", "Hmm"), writes("text_delta", "Hel")]
    assert fold(*said) == ["Hmm", "Hel"]
    assert fold(*said, agent.MessageEnd(answer("Hello", thinking="Hmm!"))) == ["Hmm!", "Hello"]


def test_what_comes_before_an_answer_begins_is_nothing() -> None:
    assert fold(writes("text_delta", "Hel"), prints("1", "bash", "x")) == []


def test_a_tool_is_seen_while_the_model_writes_its_call() -> None:
    half = [starts(), *calls("1", "bash", '{"command": "make te')]
    assert fold(*half) == ["$ make te"]
    end = BlockEnd("toolcall_end", 1, tool_call=ToolCall("1", "bash", {"command": "make test"}))
    whole = [*half, agent.MessageUpdate(Usage(), end)]
    assert fold(*whole) == ["$ make test"]
    assert fold(*whole, runs("1", "bash", command="make test"), prints("1", "bash", "one\n")) == [
        "$ make test",
        "one",
    ]


def test_a_tool_tells_how_it_ended() -> None:
    assert fold(runs("1", "bash", command="ls"), ended("1", "bash", "a", ms=2300)) == [
        "$ ls",
        "a",
        "Took 2.3s",
    ]
    assert fold(runs("1", "read", path="a"), ended("1", "read", "There is no a.", failed=True)) == [
        "read a",
        "There is no a.",
    ]


def test_a_call_in_an_answer_that_failed_is_not_run() -> None:
    failed = answer("", ToolCall("1", "bash", {"command": "ls"}), stop="error", error="Overloaded")
    assert fold(starts(), *calls("1", "bash", '{"command": "ls"}'), agent.MessageEnd(failed)) == [
        "Error: Overloaded",
        "$ ls",
        "Not run.",
    ]


def test_messages_of_users_and_extensions_are_shown() -> None:
    shown = CustomMessage("note", "Remember", True, AT)
    hidden = structs.replace(shown, display=False)
    assert fold(agent.MessageStart(user("Hello")), agent.MessageStart(shown), agent.MessageStart(hidden)) == [
        "Hello",
        "[note]",
        "Remember",
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (told.SessionWarning("No disk"), "Warning: No disk"),
        (
            told.ModelFailover("a/big", "a/big", "b/small", "rate_limit"),
            "Warning: a/big can't answer (rate limit): b/small does.",
        ),
        (told.ModelFailover("a/big", "b/small", "a/big", "recovered"), "a/big answers again."),
        (
            told.CacheMiss(12000, 0.036, 900_000, False),
            "Cache miss (after 15 min): 12,000 tokens were paid in full, $0.036 more.",
        ),
        (told.ExtensionFailed("todo", "tool_call", "boom"), 'Error: Extension "todo" (tool_call): boom'),
        (told.CompactionEnd("manual", aborted=True), "Compaction cancelled; nothing has changed."),
        (told.CompactionEnd("threshold", error_message="No key"), "Error: No key"),
        (
            told.CompactionEnd("manual", told.CompactionResult("Sum", "x", 12000, 900)),
            "[compaction] Compacted from 12,000 tokens (ctrl+o to expand)",
        ),
    ],
)
def test_what_happens_beside_is_told(event: Any, line: str) -> None:
    assert fold(event, width=120) == [line]


def test_a_run_says_that_it_works_and_for_how_long() -> None:
    async def act(there: World) -> None:
        tell(there, agent.AgentStart())
        assert there.above() == ["⠋ Working  escape to interrupt"]
        there.later(61)
        assert there.above() == ["⠋ Working 1m 01s  escape to interrupt"]
        there.interface.set_working("Thinking hard")
        assert there.above() == ["⠋ Thinking hard 1m 01s  escape to interrupt"]
        tell(there, told.AgentSettled())
        assert there.above() == []
        assert not there.interface.status.active

    run(act)


def test_a_retry_counts_down_until_the_model_answers() -> None:
    async def act(there: World) -> None:
        tell(there, agent.AgentStart(), told.AutoRetryStart(2, 3, 8000, "529\nmore"))
        assert there.above() == ["⠋ 529: try 2 of 3 in 8s  escape to interrupt"]
        there.later(3)
        assert there.above() == ["⠋ 529: try 2 of 3 in 5s  escape to interrupt"]
        tell(there, starts())
        assert there.above() == ["⠋ Working 3s  escape to interrupt"]
        tell(there, told.AutoRetryStart(3, 3, 8000, "529"), told.AutoRetryEnd(False, 3, "529"))
        assert there.above() == ["⠋ Working 3s  escape to interrupt"]

    run(act)


def test_a_compaction_says_why_it_is_made_and_when_it_waits() -> None:
    async def act(there: World) -> None:
        tell(there, told.CompactionStart("manual"))
        assert there.above() == ["⠋ Compacting  escape to cancel"]
        tell(there, told.CompactionStart("threshold"))
        assert there.above() == ["⠋ The context is full: compacting  escape to cancel"]
        tell(there, told.SummarizationRetryScheduled(1, 3, 2000, "529"))
        assert there.above() == ["⠋ 529: try 1 of 3 in 2s  escape to interrupt"]
        tell(there, told.SummarizationRetryAttemptStart("compaction"))
        assert there.above() == ["⠋ The context is full: compacting  escape to cancel"]
        tell(there, told.CompactionEnd("threshold", aborted=True))
        assert there.above() == []

    run(act)


def test_the_footer_tells_model_level_cost_and_branch() -> None:
    async def act(there: World) -> None:
        (there.home / "shop" / ".git").mkdir()
        (there.home / "shop" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        assert [row.strip() for row in there.rows()[-2:]] == [
            "~/shop",
            f"0.0%/128k (auto){' ' * 38}(faux) scripted • medium",
        ]
        begin(there, answer("Hi"), name="Greetings")
        tell(there, told.ThinkingLevelChanged("high"))
        assert there.rows()[-2:] == [
            " ~/shop (main) • Greetings",
            " ↑1.8k ↓612 R21k W2.1k CH84% $0.042 0.0%/128k (auto)   (faux) scripted • medium",
        ]
        there.size = (40, 24)
        assert there.rows()[-1] == " 0.0%/128k (auto)     scripted • medium"

    run(act, reasoning=True)


def test_a_session_is_shown_as_it_was_told() -> None:
    said = [user("Go"), answer("Look", ToolCall("1", "ls", {"path": "."}), thinking="Hmm")]
    more = [
        result("1", "ls", "a.py"),
        BashExecutionMessage("make", "done", False, False, AT, 0),
        answer("All done"),
    ]

    async def act(there: World) -> None:
        begin(there, *said, *more)
        lines = there.transcript()
        rule = "─" * 80
        assert lines == ["Go", "Hmm", "Look", "ls .", "a.py", rule, "$ make", "done", rule, "All done"]
        assert there.screen.written[-1].endswith("shop\x07")

    run(act)


def test_a_segment_of_the_footer_that_fails_is_told_once() -> None:
    def extension(pi: ExtensionAPI) -> None:
        @pi.footer("bad")
        def segment(ctx: Any) -> str:
            raise ValueError("boom")

        @pi.footer("good")
        def good(ctx: Any) -> str:
            return "3 of 5"

    async def act(there: World) -> None:
        for _ in range(3):
            there.interface.footer.update()
        assert len([line for line in there.transcript() if "boom" in line]) == 1
        assert there.rows()[-1] == " 3 of 5"

    run(act, extensions=ExtensionChoice((), (extension,), find=False))


def test_commands_of_the_user_print_as_they_run() -> None:
    async def act(there: World) -> None:
        there.say("!echo one; read line")
        await there.until(lambda: "one" in there.transcript())
        rule = "─" * 80
        assert there.transcript() == [rule, "$ echo one; read line", "one", "Running…", rule]
        await there.until(lambda: "Running…" not in there.transcript())
        assert there.transcript() == [rule, "$ echo one; read line", "one", "Exit code 1", rule]
        assert there.above() == []

    run(act)


@pytest.mark.parametrize(("used", "style"), [(64_000, "dim"), (96_000, "warning"), (120_000, "error")])
def test_a_context_that_fills_up_is_seen(used: int, style: str) -> None:
    async def act(there: World) -> None:
        await there.ask("Go")
        line = there.frame().rows[-1].line
        assert [words for text, words in line if "/128k" in text] == [style]

    reply = Reply("ok", usage=Usage(input=used, output=1, total_tokens=used + 1))
    run(act, reply, settings={"quietStartup": True, "compaction": {"enabled": False}})
