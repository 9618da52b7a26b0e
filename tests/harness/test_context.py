import importlib.util
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.context import (
    bash_text,
    build_context,
    context_entries,
    project,
    restore_model,
    restore_thinking_level,
    to_llm,
    without_images,
)
from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    CompactionEntry,
    CompactionSummaryMessage,
    ContextEdit,
    CustomEntry,
    CustomMessage,
    CustomMessageEntry,
    MessageEntry,
    ModelChange,
    Replacement,
    SessionInfo,
    ThinkingLevelChange,
    UnknownEntry,
    decode_entry,
    encode_entry,
)
from pi.harness.storage.store import Store
from pi.llm.messages import (
    AssistantMessage,
    Image,
    SystemMessage,
    Text,
    ToolResultMessage,
    Usage,
    UserMessage,
)

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
recorded = pytest.mark.skipif(not GOLDEN.exists(), reason="the recordings lie beside the checkout")
T = "2026-01-01T10:00:00.000Z"


def load(path):
    spec = importlib.util.spec_from_file_location("golden_compare", GOLDEN / "compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load(GOLDEN / "open" / path)


def user(id, text, parent=None):
    return MessageEntry(id, parent, T, UserMessage(text, 1))


def said(id, text="answer", model="m"):
    return MessageEntry(id, None, T, AssistantMessage((Text(text),), "a", "p", model, Usage(), "stop", 1))


def compaction(id, kept, system=None):
    return CompactionEntry(id, None, T, f"summary {id}", kept, 9, system_message=system)


def texts(messages):
    """Role and text of each message, as every protocol sends them."""
    return [(m.role, m.text) for m in map(Plain.of, to_llm(messages))]


class Plain(msgspec.Struct):
    role: str
    text: str

    @classmethod
    def of(cls, message):
        value = msgspec.to_builtins(message)
        content = value["content"]
        text = content if isinstance(content, str) else "".join(block.get("text", "") for block in content)
        return cls(value["role"], text)


def test_blocked_images_become_one_note_for_each_run_of_them() -> None:
    note = Text("Image reading is disabled.")
    picture = Image("QQ==", "image/png")
    message = UserMessage((Text("a"), picture, picture, Text("b"), picture), 1)

    assert without_images([message]) == [UserMessage((Text("a"), note, Text("b"), note), 1)]


def test_without_a_compaction_every_message_is_seen():
    system = MessageEntry("s", None, T, SystemMessage("be kind", 1))
    branch = [
        ModelChange("a", None, T, "p", "m"),
        system,
        user("b", "hi"),
        SessionInfo("c", None, T, "n"),
        said("d"),
    ]
    assert build_context(branch) == [system.message, branch[2].message, branch[4].message]


def test_the_latest_compaction_speaks_for_all_that_it_did_not_keep():
    now = SystemMessage("sum of the system messages", 2)
    branch = [
        MessageEntry("s", None, T, SystemMessage("old", 1)),
        user("a", "forgotten"),
        compaction("b", "a"),
        user("c", "kept"),
        compaction("d", "c"),
        MessageEntry("e", None, T, SystemMessage("old too", 1)),
        compaction("f", "c", now),
        user("g", "later"),
    ]
    assert [entry.id for entry in context_entries(branch)] == ["f", "c", "d", "g"]
    assert build_context(branch) == [
        now,
        CompactionSummaryMessage("summary f", 9, 1767261600000),
        branch[3].message,
        branch[7].message,
    ]


@pytest.mark.parametrize("kept", ["b", "unknown"])
def test_a_compaction_that_names_itself_or_nothing_keeps_nothing(kept):
    branch = [user("a", "x"), compaction("b", kept)]
    assert [entry.id for entry in context_entries(branch)] == ["b"]


def test_the_latest_edit_of_a_target_wins_and_keeps_everything_but_the_content():
    tool = MessageEntry("c", None, T, ToolResultMessage("i", "bash", (Text("long"),), False, 1, {"d": 1}))
    custom = CustomMessageEntry("d", None, T, "note", "old", True)
    branch = [
        user("a", "hidden"),
        user("b", "shown after all"),
        tool,
        custom,
        ContextEdit("1", None, T, "a", None),
        ContextEdit("2", None, T, "b", None),
        ContextEdit("3", None, T, "b", Replacement("changed")),
        ContextEdit("4", None, T, "c", Replacement("short")),
        ContextEdit("5", None, T, "d", Replacement("new")),
    ]
    assert build_context(branch) == [
        UserMessage("changed", 1),
        ToolResultMessage("i", "bash", (Text("short"),), False, 1, {"d": 1}),
        CustomMessage("note", "new", True, 1767261600000),
    ]
    assert build_context(branch[:4]) == [branch[0].message, branch[1].message, tool.message,
                                         CustomMessage("note", "old", True, 1767261600000)]  # fmt: skip


def test_every_message_knows_the_entry_that_it_comes_from():
    branch = [
        user("a", "x"),
        compaction("b", "b", SystemMessage("", 1)),
        CustomEntry("c", None, T, "k"),
        said("d"),
    ]
    assert [(entry.id, len(messages)) for entry, messages in project(branch)] == [
        ("b", 2),
        ("c", 0),
        ("d", 1),
    ]


def test_an_empty_branch_summary_and_what_we_do_not_know_say_nothing():
    branch = [BranchSummary("a", None, T, "x", ""), UnknownEntry("hologram", "b", "a", T, b"{}")]
    assert build_context(branch) == []


def bash(**fields):
    given = {"command": "ls", "output": "", "cancelled": False, "truncated": False, "timestamp": 1, **fields}
    return BashExecutionMessage(**given)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (bash(exit_code=0), "Ran `ls`\n(no output)"),
        (bash(output="a\n", exit_code=0), "Ran `ls`\n```\na\n\n```"),
        (bash(exit_code=4), "Ran `ls`\n(no output)\n\nCommand exited with code 4"),
        (bash(cancelled=True, exit_code=4), "Ran `ls`\n(no output)\n\n(command cancelled)"),
        (
            bash(output="x", truncated=True, full_output_path="/tmp/x.log"),
            "Ran `ls`\n```\nx\n```\n\n[Output truncated. Full output: /tmp/x.log]",
        ),
        (bash(output="x", truncated=True), "Ran `ls`\n```\nx\n```"),
    ],
)
def test_a_command_of_the_user_reads_like_a_report(message, text):
    assert bash_text(message) == text
    assert to_llm([message]) == [UserMessage((Text(text),), 1)]


def test_a_command_that_was_kept_from_the_model_is_not_sent():
    assert to_llm([bash(exclude_from_context=True)]) == []


def test_the_model_used_last_is_the_one_chosen_or_the_one_that_answered():
    chosen = ModelChange("a", None, T, "q", "chosen")
    assert restore_model(reversed([chosen, said("b", model="answered"), user("c", "x")])) == ("p", "answered")
    assert restore_model(reversed([said("b", model="answered"), chosen])) == ("q", "chosen")
    assert restore_model(reversed([user("c", "x")])) is None


def test_the_thinking_level_chosen_last_is_restored():
    levels = [ThinkingLevelChange(level, None, T, level) for level in ("high", "low", "cosmic")]
    assert restore_thinking_level(reversed([*levels[:2], user("c", "x")])) == "low"
    assert restore_thinking_level(reversed([])) is None
    assert restore_thinking_level(reversed(levels)) is None


@given(st.lists(st.sampled_from(["user", "system", "compaction", "edit"]), max_size=12), st.randoms())
def test_the_end_of_a_branch_makes_the_same_context_as_all_of_it(kinds, random):
    store = Store.in_memory(Path("/"))
    for kind in kinds:
        ids = [entry.id for entry in store.entries()]
        users = [entry.id for entry in store.entries() if isinstance(entry, MessageEntry)
                 and isinstance(entry.message, UserMessage)]  # fmt: skip
        match kind:
            case "user":
                store.append_message(UserMessage(f"text {len(ids)}", 1))
            case "system":
                store.append_message(SystemMessage(f"rule {len(ids)}", 1))
            case "compaction":
                store.append_compaction("sum", random.choice([None, *ids]), 1)
            case "edit" if users:
                store.append_context_edit(random.choice(users), random.choice([None, Replacement("new")]))
    assert build_context(store.context_branch()) == build_context(store.branch())


@recorded
def test_every_recorded_entry_is_understood_and_written_as_it_was():
    for path in sorted((GOLDEN / "open").glob("*/*/session*.jsonl")):
        for row in load(path)[1:]:
            if "$long" in str(row):
                continue
            if (usage := row.get("message", {}).get("usage")) is not None:
                usage.setdefault("totalTokens", 0)  # version 1 had none
            assert json.loads(encode_entry(decode_entry(json.dumps(row).encode()))) == row


@recorded
def test_a_hand_made_file_gives_the_recorded_transcript_and_request(tmp_path):
    scenario = json.loads((GOLDEN / "open/sessions/handmade-v3/scenario.json").read_text())
    path = tmp_path / "v3.session.jsonl"
    path.write_text(scenario["setup"]["cwdFiles"]["v3.session.jsonl"])
    store = Store.open(path)
    answers = {row["data"].get("id"): row["data"] for row in load("sessions/handmade-v3/run1.rpc.jsonl")
               if row["dir"] == "out"}  # fmt: skip
    messages = build_context(store.branch())
    assert [json.loads(msgspec.json.encode(message)) for message in messages] == answers["r2"]["data"][
        "messages"
    ]
    assert store.name == answers["r1"]["data"]["sessionName"]
    assert store.leaf == answers["r3"]["data"]["leafId"]
    assert store.labels["b0000001"].label == "start"
    assert restore_model(store.newest_first()) == ("fake-ant", "ant-think")
    assert restore_thinking_level(store.newest_first()) == "high"
    sent = load("sessions/handmade-v3/requests.jsonl")[0]["body"]["messages"]
    assert texts(messages) == [(m["role"], content_text(m["content"])) for m in sent[:-1]]


def content_text(content):
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


@recorded
@pytest.mark.parametrize(
    "scenario",
    [
        "openai-completions/overflow-compaction",
        "openai-completions/overflow-compaction-split",
        "openai-completions/threshold-compaction",
        "rpc/bash",
        "sessions/migrate-v1",
    ],
)
def test_a_recorded_session_gives_the_recorded_request(scenario):
    *entries, _ = (decode_entry(json.dumps(row).encode()) for row in load(f"{scenario}/session1.jsonl")[1:])
    sent = load(f"{scenario}/requests.jsonl")[-1]["body"]["messages"]
    assert [m for m in texts(build_context(entries)) if m[0] != "system"] == [
        (m["role"], content_text(m["content"])) for m in sent[1:]
    ]
