import pytest

from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    StopReason,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.tokens import (
    estimate_context,
    estimate_message,
    estimate_text,
    output_cap,
    thinking_budget,
    thinking_caps,
)

TOOL = ToolDeclaration("t", "d", {"type": "object"})


def model(window: int, limit: int) -> Model:
    return Model("m", "p", "anthropic-messages", "http://x", context_window=window, max_tokens=limit)


def said(text: str, timestamp: int = 1) -> UserMessage:
    return UserMessage(text, timestamp)


def answer(
    tokens: int, timestamp: int, stop_reason: StopReason = "stop", text: str = "x" * 40
) -> AssistantMessage:
    usage = Usage(total_tokens=tokens)
    return AssistantMessage((Text(text),), "a", "p", "m", usage, stop_reason, timestamp)


def context(*messages: Message) -> Context:
    return Context(messages)


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("🙈🙈🙈", 2)])
def test_four_utf16_units_are_a_token_and_a_part_counts_whole(text: str, tokens: int) -> None:
    assert estimate_text(text) == tokens


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        (said("12345"), 2),
        (UserMessage((Text("1234"), Image("data", "image/png")), 1), 1201),
        (ToolResultMessage("c", "t", (Text("12345678"),), False, 1), 2),
        (
            AssistantMessage(
                (Thinking("1234"), Text("1234"), ToolCall("c", "read", {"path": "a"})),
                "a", "p", "m", Usage(), "toolUse", 1,
            ),
            6,
        ),
        (SystemMessage("1234", 1, {"a": "1234", "b": None}, (TOOL,)), 3 + 16),
    ],
)  # fmt: skip
def test_a_message_counts_what_the_model_reads_of_it(message: Message, tokens: int) -> None:
    assert estimate_message(message) == tokens


def test_before_the_first_answer_everything_is_estimated() -> None:
    assert estimate_context(Context((said("1234"),), system="12345678", tools=(TOOL,))) == 1 + 2 + 16


def test_after_an_answer_its_usage_stands_for_all_up_to_it() -> None:
    assert estimate_context(context(said("x" * 4000), answer(90, 2), said("12345678", 3))) == 92


@pytest.mark.parametrize("stop_reason", ["error", "aborted"])
def test_a_failed_answer_reports_nothing(stop_reason: StopReason) -> None:
    history = context(said("1234"), answer(90, 2), said("1234", 3), answer(500, 4, stop_reason))

    assert estimate_context(history) == 90 + 1 + 10


def test_usage_from_before_a_compaction_is_not_believed() -> None:
    summary = said("1234", timestamp=10)

    assert estimate_context(context(summary, answer(90_000, 2), said("1234", 11))) == 1 + 10 + 1


@pytest.mark.parametrize(
    ("window", "limit", "used", "cap"),
    [
        (128_000, 16_384, 1_000, 16_384),  # plenty of room
        (200_000, 200_000, 100_000, 85_000),  # 15 % of the input stay free
        (200_000, 200_000, 10_000, 185_904),  # at least 4,096
        (200_000, 200_000, 150_000, 32_768),  # near the end the ratio gives way,
        (200_000, 200_000, 170_000, 25_904),  # and the fixed margin holds
        (20_000, 2_000, 15_904, 1),  # never less than one
        (0, 5_000, 900_000, 5_000),  # an unknown window limits nothing
    ],
)
def test_the_answer_gets_what_the_window_has_left(window: int, limit: int, used: int, cap: int) -> None:
    assert output_cap(model(window, limit), context(answer(used, 1))) == cap


def test_a_wanted_limit_replaces_the_models_own() -> None:
    assert output_cap(model(128_000, 16_384), context(said("hi")), wanted=13_107) == 13_107


def test_levels_above_high_think_as_much_as_high() -> None:
    levels = ("off", "minimal", "low", "medium", "high", "xhigh", "max")

    assert [thinking_budget(level) for level in levels] == [0, 1024, 2048, 8192, 16384, 16384, 16384]
    assert [thinking_budget(level, {"high": 5}) for level in ("medium", "max")] == [8192, 5]


@pytest.mark.parametrize(
    ("limit", "wanted", "caps"),
    [
        (32_000, None, (32_000, 8_192)),
        (9_000, None, (9_000, 7_976)),
        (32_000, 4_000, (12_192, 8_192)),
        (1_000, None, (1_000, 0)),
    ],
)
def test_thinking_and_answer_share_the_limit_and_the_answer_keeps_1024(
    limit: int, wanted: int | None, caps: tuple[int, int]
) -> None:
    assert thinking_caps(model(200_000, limit), context(said("hi")), "medium", wanted=wanted) == caps
