import pytest

from pi.llm.call_ids import id_rule, short_hash
from pi.llm.messages import AssistantMessage, Usage
from pi.llm.models import Model

FOREIGN = AssistantMessage((), "openai-responses", "elsewhere", "other", Usage(), "toolUse", 1)
LONG = "call_0|fc_" + "x" * 400


def named(
    api: str, provider: str, *ids: str, model_id: str = "m", source: AssistantMessage = FOREIGN
) -> list[str]:
    rule = id_rule(Model(model_id, provider, api, "http://x"))
    assert rule is not None
    return [rule(id, source) for id in ids]


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", "k4n83c7h0j2b"),
        ("a", "m8735310ae7sx"),
        ("fc_2_2", "7jhv63gli369"),
        ("héllo 🙈", "1r9pcqe1rwk5iz"),
    ],
)
def test_hashes_agree_with_those_in_existing_sessions(text: str, digest: str) -> None:
    assert short_hash(text) == digest


def test_anthropic_gets_64_safe_characters() -> None:
    assert named("anthropic-messages", "anthropic", "call_2_1|fc_2_2", LONG, "ok-1") == [
        "call_2_1_fc_2_2",
        "call_0_fc_" + "x" * 54,
        "ok-1",
    ]


def test_chat_completions_keep_ids_distinct_within_40_characters() -> None:
    ids = ("call_2_1|fc_2_2", LONG, "call|", "y" * 50)

    assert named("openai-completions", "groq", *ids) == [
        "call_2_1_fc_2_2",
        "call_0_jnkktr17",
        "call",
        "y" * 50,
    ]
    assert named("openai-completions", "openai", "y" * 50) == ["y" * 40]


def test_responses_get_a_call_and_an_item_and_hash_what_is_foreign() -> None:
    own = AssistantMessage((), "openai-responses", "openai", "gpt-other", Usage(), "toolUse", 1)

    assert named("openai-responses", "openai", "call_1|item", "plain_id_") == [
        f"call_1|fc_{short_hash('item')}",
        "plain_id",
    ]
    assert named("openai-responses", "openai", "call_1|fc_9", "c|it+em", source=own) == [
        "call_1|fc_9",
        "c|fc_it_em",
    ]
    assert named("openai-responses", "someone", "call_1|fc_9") == ["call_1_fc_9"]


def test_mistral_gets_nine_characters_different_for_different_ids() -> None:
    ids = named("mistral-conversations", "mistral", "abcdefghi", "call_1", "call_2", "call_1", "abcd_efghi")

    assert ids[0] == "abcdefghi"
    assert ids[1] == ids[3]
    assert len(set(ids)) == 4
    assert all(len(id) == 9 and id.isalnum() for id in ids)


def test_protocols_without_a_rule_take_any_id() -> None:
    gemini = Model("gemini-2.5-pro", "google", "google-generative-ai", "http://x")

    assert id_rule(gemini) is None
    assert id_rule(Model("m", "p", "faux", "http://x")) is None
    assert named("google-generative-ai", "google", "a|b", model_id="gemini-3-pro") == ["a_b"]
