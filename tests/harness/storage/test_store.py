import importlib.util
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.context import build_context
from pi.harness.storage.entries import (
    BranchSummary,
    ContextEdit,
    CustomEntry,
    CustomMessageEntry,
    Label,
    MessageEntry,
    ModelChange,
    Replacement,
    SessionHeader,
    SessionInfo,
    UnknownEntry,
    UsageEntry,
)
from pi.harness.storage.file import SessionWriteError
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, SystemMessage, Text, Usage, UserMessage, content_text
from pi.platform.errors import ConfigError, PiError

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"
recorded = pytest.mark.skipif(not GOLDEN.exists(), reason="the recordings lie beside the checkout")
HELLO = UserMessage("hello", 1)
ANSWER = AssistantMessage((Text("hi"),), "a", "p", "m", Usage(), "stop", 2)


def rows(path):
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def new(tmp_path, **options):
    return Store.create(Path("/w"), directory=tmp_path / "sessions", **options)


def talk(tmp_path, *messages):
    store = new(tmp_path)
    for message in messages or (HELLO, ANSWER):
        store.append_message(message)
    store.close()
    return store


def test_a_session_has_no_file_before_somebody_speaks(tmp_path):
    store = new(tmp_path, session_id="my-id.1", parent_session="/p.jsonl")
    store.append_session_info("Nice\nname ")
    store.append_model_change("p", "m")
    store.append_thinking_level("off")
    store.append_message(SystemMessage("rules", 1))
    assert not (tmp_path / "sessions").exists()
    store.append_message(HELLO)
    assert rows(store.path)[0] == {
        "type": "session", "version": 3, "id": "my-id.1", "timestamp": store.header.timestamp,
        "cwd": "/w", "parentSession": "/p.jsonl",
    }  # fmt: skip
    assert [row["type"] for row in rows(store.path)[1:]] == [
        "session_info", "model_change", "thinking_level_change", "message", "message",
    ]  # fmt: skip
    assert store.path.name == f"{store.header.timestamp.replace(':', '-').replace('.', '-')}_my-id.1.jsonl"
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o666 & ~current_umask()


def current_umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_each_entry_hangs_on_the_one_before_and_is_saved_at_once(tmp_path):
    store = new(tmp_path)
    first = store.append_message(HELLO)
    second = store.append_message(ANSWER)
    assert (first.parent_id, second.parent_id, store.leaf) == (None, first.id, second.id)
    assert [row["id"] for row in rows(store.path)[1:]] == [first.id, second.id]
    assert store.get(first.id) is first
    assert store.branch() == [first, second]


def test_an_opened_session_is_the_one_that_was_written(tmp_path):
    store = talk(tmp_path)
    store.append_session_info("name")
    store.append_label(store.leaf, "here")
    again = Store.open(store.path)
    assert (again.header, again.id, again.leaf, again.cwd) == (store.header, store.id, store.leaf, Path("/w"))
    assert (again.name, again.labels) == ("name", store.labels)
    assert again.branch() == store.branch()
    assert again.entries() == store.entries()
    assert Store.open(store.path, cwd=tmp_path).cwd == tmp_path


def test_a_session_in_memory_has_no_file(tmp_path):
    store = Store.in_memory(tmp_path, session_id="x")
    store.append_message(HELLO)
    store.close()
    assert (store.path, store.id, [entry.message for entry in store.branch()]) == (None, "x", [HELLO])
    assert list(tmp_path.iterdir()) == []


def test_a_bad_id_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Session id must be"):
        new(tmp_path, session_id="bad id!")


def test_a_named_file_that_is_not_there_becomes_the_session(tmp_path):
    store = Store.open(tmp_path / "sub" / "x.jsonl", cwd=Path("/w"))
    assert not store.path.parent.exists()
    store.append_message(HELLO)
    assert [row["type"] for row in rows(tmp_path / "sub" / "x.jsonl")] == ["session", "message"]


def test_an_empty_file_gets_its_header_at_once(tmp_path):
    path = tmp_path / "x.jsonl"
    path.touch()
    store = Store.open(path, cwd=Path("/w"))
    assert [row["id"] for row in rows(path)] == [store.id]


@pytest.mark.parametrize("text", ["hello", '{"type":"message"}\n', '{"type":"session"}\n', "\n"])
def test_a_file_that_is_no_session_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"Session file is not a valid pi session: {path}"):
        Store.open(path)
    assert path.read_text() == text


def test_a_folder_is_no_session_file(tmp_path):
    with pytest.raises(PiError, match=f"Can't read the session file {tmp_path}"):
        Store.open(tmp_path)


def test_broken_lines_are_passed_over_and_unknown_ones_keep_place_and_bytes(tmp_path):
    path = tmp_path / "x.jsonl"
    unknown = b'{ "type":"hologram","id":"u","parentId":"a","timestamp":"t","x":1.50,"s":"\\ud83d"}'
    path.write_bytes(
        b'{"type":"session","version":3,"id":"x","timestamp":"t","cwd":"/w"}\n'
        b'{"type":"custom","id":"a","parentId":null,"timestamp":"t","customType":"c"}\r\n'
        b'{"type":"custom","id":"half\n\n' + unknown + b'\n{"type":"nobody"}\n'
        b'{"type":"session","version":3,"id":"second header"}\n'
    )
    store = Store.open(path)
    assert store.branch() == [
        CustomEntry("a", None, "t", "c"),
        UnknownEntry("hologram", "u", "a", "t", unknown),
    ]
    assert store.raw("u") == unknown
    added = store.append_model_change("p", "m")
    assert added.parent_id == "u"
    fork = store.fork_to(tmp_path / "forks", cwd=Path("/v"))
    assert unknown in fork.path.read_bytes().split(b"\n")
    assert b'{"type":"nobody"}' in fork.path.read_bytes().split(b"\n")
    assert fork.branch() == store.branch()


def test_a_missing_last_newline_is_repaired_before_the_next_entry(tmp_path):
    store = talk(tmp_path)
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:-1])
    again = Store.open(store.path)
    assert again.branch() == store.branch()
    assert store.path.read_bytes() == whole[:-1]
    added = again.append_message(HELLO)
    assert added.parent_id == store.leaf
    assert store.path.read_bytes().startswith(whole + b'{"type":"message"')


def test_a_file_cut_at_any_byte_loses_its_unfinished_line_only(tmp_path):
    store = talk(tmp_path, HELLO, ANSWER, UserMessage("größer 😀", 3))
    whole = store.path.read_bytes()
    header_end = whole.index(b"\n")
    cut = tmp_path / "cut.jsonl"
    for at in range(header_end, len(whole) + 1):
        cut.write_bytes(whole[:at])
        complete = [
            at >= whole.index(store.raw(entry.id)) + len(store.raw(entry.id)) for entry in store.entries()
        ]
        again = Store.open(cut)
        assert again.branch() == store.branch()[: sum(complete)]
        added = again.append_message(HELLO)
        again.close()
        assert Store.open(cut).branch() == [*store.branch()[: sum(complete)], added]


def test_moving_back_makes_a_branch_and_moving_to_the_start_a_root(tmp_path):
    store = new(tmp_path)
    first = store.append_message(HELLO)
    left = store.append_message(ANSWER)
    store.move_to(first.id)
    summary = store.append(BranchSummary, from_id=left.id, summary="tried")
    assert store.branch() == [first, summary]
    store.move_to(None)
    root = store.append_message(HELLO)
    assert (root.parent_id, store.branch()) == (None, [root])
    roots = store.tree()
    assert [node.entry for node in roots] == [first, root]
    assert [node.entry for node in roots[0].children] == [left, summary]
    with pytest.raises(PiError, match="Entry nowhere not found"):
        store.move_to("nowhere")


def test_orphans_are_roots_and_circles_end(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"type":"session","version":3,"id":"x","timestamp":"t","cwd":"/w"}\n'
        '{"type":"custom","id":"a","parentId":"gone","timestamp":"t","customType":"c"}\n'
        '{"type":"custom","id":"b","parentId":"b","timestamp":"t","customType":"c"}\n'
        '{"type":"custom","id":"c","parentId":"d","timestamp":"t","customType":"c"}\n'
        '{"type":"custom","id":"d","parentId":"c","timestamp":"t","customType":"c"}\n'
    )
    store = Store.open(path)
    assert [entry.id for entry in store.branch()] == ["c", "d"]
    assert [node.entry.id for node in store.tree()] == ["a", "b"]


def test_the_latest_name_counts_and_an_empty_one_clears(tmp_path):
    store = new(tmp_path)
    assert store.name is None
    assert store.append_session_info(" a\r\n\nb ") == SessionInfo(
        store.leaf, None, store.branch()[0].timestamp, "a b"
    )
    assert store.name == "a b"
    store.append_session_info("")
    assert store.name is None


def test_the_latest_label_counts_and_an_empty_one_clears(tmp_path):
    store = new(tmp_path)
    target = store.append_message(HELLO).id
    store.append_label(target, "one")
    label = store.append_label(target, "two")
    assert store.labels == {target: label}
    assert store.tree()[0].label == label
    store.append_label(target, None)
    assert store.labels == {}
    with pytest.raises(PiError, match="Entry nowhere not found"):
        store.append_label("nowhere", "x")


def test_an_edit_is_held_as_its_target_holds_content(tmp_path):
    store = new(tmp_path)
    user, answer = store.append_message(HELLO), store.append_message(ANSWER)
    custom = store.append(CustomMessageEntry, custom_type="c", content="x", display=True)
    edits = [store.append_context_edit(entry.id, Replacement("new")) for entry in (user, answer, custom)]
    edits.append(store.append_context_edit(user.id, None))
    assert [edit.replacement for edit in edits] == [
        Replacement("new"), Replacement((Text("new"),)), Replacement("new"), None,
    ]  # fmt: skip
    assert [m.content for m in build_context(Store.open(store.path).branch())] == [(Text("new"),), "new"]


def test_only_what_the_model_sees_on_this_branch_can_be_edited(tmp_path):
    store = new(tmp_path)
    user = store.append_message(HELLO)
    change = store.append_model_change("p", "m")
    with pytest.raises(PiError, match=f"Entry {change.id} does not contribute editable model content"):
        store.append_context_edit(change.id, None)
    with pytest.raises(PiError, match="Entry nowhere not found"):
        store.append_context_edit("nowhere", None)
    store.move_to(None)
    with pytest.raises(PiError, match=f"Entry {user.id} is not on the active branch"):
        store.append_context_edit(user.id, None)
    assert not any(isinstance(entry, ContextEdit) for entry in store.entries())


def test_a_compaction_that_keeps_nothing_names_itself(tmp_path):
    store = talk(tmp_path)
    entry = store.append_compaction("sum", None, 9, system_message=SystemMessage("rules", 1))
    assert entry.first_kept_entry_id == entry.id
    assert store.context_branch() == [entry]
    assert rows(store.path)[-1]["fromHook"] is False


def test_a_branch_can_be_asked_for_some_types_only(tmp_path):
    store = talk(tmp_path)
    change = store.append_model_change("p", "m")
    usage = store.append(UsageEntry, kind="warm", provider="p", model="m", usage=Usage(input=1))
    assert Store.open(store.path).branch("usage", "model_change") == [change, usage]


@recorded
def test_a_fork_is_what_the_original_makes_of_it(tmp_path):
    spec = importlib.util.spec_from_file_location("golden_compare", GOLDEN / "compare.py")
    compare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    folder = GOLDEN / "open" / "cli" / "continue"
    source = tmp_path / "2026-11-23T01-41-52-873Z_my-id.1.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in compare.load(folder / "session2.jsonl")))
    fork = Store.open(source).fork_to(tmp_path / "forks", cwd=Path("{CWD}"))
    wanted = compare.load(folder / "session3.jsonl")[: 1 + len(fork.entries())]
    assert rows(fork.path)[1:] == wanted[1:]
    assert {**wanted[0], "id": 0, "timestamp": 0, "parentSession": str(source)} == {
        **rows(fork.path)[0], "id": 0, "timestamp": 0,
    }  # fmt: skip


def test_a_fork_lives_on_by_itself(tmp_path):
    store = talk(tmp_path)
    fork = store.fork_to(tmp_path / "forks", cwd=Path("/v"), session_id="fork")
    assert fork.header == SessionHeader(3, "fork", fork.header.timestamp, "/v", str(store.path))
    before = store.path.read_bytes()
    added = fork.append_message(HELLO)
    assert store.path.read_bytes() == before
    assert Store.open(fork.path).branch() == [*store.branch(), added]
    with pytest.raises(SessionWriteError, match=r"_fork\.jsonl: File exists"):
        copy = Store(fork.header, [], cwd=Path("/v"), file=type(fork._file)(fork.path))
        copy.append_message(HELLO)


def test_a_clone_is_the_path_to_its_leaf_with_the_labels_of_now(tmp_path):
    store = new(tmp_path)
    first = store.append_message(HELLO)
    store.append_label(first.id, "old")
    second = store.append_message(ANSWER)
    left = store.append_message(HELLO)
    store.append_label(first.id, "new")
    store.append_label(left.id, "elsewhere")
    clone = store.clone_to(tmp_path / "clones", leaf=second.id)
    again = Store.open(clone.path)
    assert again.header.parent_session == str(store.path)
    assert [entry for entry in again.branch() if isinstance(entry, MessageEntry)] == [first, second]
    assert {id: label.label for id, label in again.labels.items()} == {first.id: "new"}


def test_a_clone_without_a_word_waits_for_one(tmp_path):
    store = new(tmp_path)
    change = store.append_model_change("p", "m")
    store.append_message(HELLO)
    clone = store.clone_to(tmp_path / "clones", leaf=change.id)
    assert not clone.path.exists()
    added = clone.append_message(HELLO)
    assert Store.open(clone.path).branch() == [change, added]


def test_an_old_file_is_rewritten_when_it_is_opened_and_goes_on_as_a_tree(tmp_path):
    path = tmp_path / "v1.jsonl"
    path.write_text(
        '{"type":"session","id":"x","timestamp":"t","cwd":"/w","provider":"p"}\n'
        '{"type":"message","timestamp":"t","message":{"role":"user","content":"old","timestamp":1}}\n'
        '{"type":"compaction","timestamp":"t","summary":"S","firstKeptEntryIndex":1,"tokensBefore":100}'
    )
    store = Store.open(path)
    store.append_message(HELLO)
    header, old, compaction, hello = rows(path)
    assert header == {
        "type": "session",
        "id": "x",
        "timestamp": "t",
        "cwd": "/w",
        "provider": "p",
        "version": 3,
    }
    assert [old["parentId"], compaction["parentId"], hello["parentId"]] == [None, old["id"], compaction["id"]]
    assert compaction["firstKeptEntryId"] == old["id"]
    assert [getattr(m, "content", m) for m in build_context(Store.open(path).branch())][1:] == [
        "old",
        "hello",
    ]


def with_limit(size, action):
    """Do something while no file may grow beyond `size` bytes: what a full disk looks like to a process."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        return action()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_a_full_disk_refuses_is_written_with_the_next_entry(tmp_path):
    store = talk(tmp_path)
    whole = store.path.read_bytes()
    long = UserMessage("x" * 3000, 3)

    def fill():
        for _ in range(2):
            with pytest.raises(
                SessionWriteError, match=f"Can't write the session file {store.path}: .*go on"
            ):
                store.append_message(long)

    with_limit(len(whole) + 1000, fill)
    assert store.path.read_bytes() == whole
    assert [entry.message for entry in store.branch()] == [HELLO, ANSWER, long, long]
    store.append_message(ANSWER)
    assert Store.open(store.path).branch() == store.branch()
    assert len(rows(store.path)) == 6


def test_a_session_that_cannot_begin_begins_when_it_can(tmp_path):
    (tmp_path / "sessions").write_text("in the way")
    store = new(tmp_path)
    with pytest.raises(SessionWriteError):
        store.append_message(HELLO)
    (tmp_path / "sessions").unlink()
    store.close()
    assert Store.open(store.path).branch() == store.branch()


def test_a_header_that_the_disk_refused_comes_first_later(tmp_path):
    store = new(tmp_path)

    def begin():
        with pytest.raises(SessionWriteError):
            store.append_message(UserMessage("x" * 3000, 1))

    with_limit(100, begin)
    assert store.path.read_bytes() == b""
    store.append_message(ANSWER)
    assert [row["type"] for row in rows(store.path)] == ["session", "message", "message"]


def test_a_deleted_file_comes_back_whole_with_the_next_entry(tmp_path):
    store = new(tmp_path)
    store.append_message(HELLO)
    store.path.unlink()
    store.append_message(ANSWER)
    assert Store.open(store.path).branch() == store.branch()
    store.close()
    store.path.unlink()
    store.append_message(HELLO)
    assert Store.open(store.path).branch() == store.branch()


def test_two_programs_that_write_one_session_keep_each_others_entries(tmp_path):
    one = talk(tmp_path)
    two = Store.open(one.path)
    start = one.leaf
    mine = one.append_message(HELLO)
    theirs = two.append_message(UserMessage("theirs", 5))
    more = one.append_message(ANSWER)
    assert (mine.parent_id, theirs.parent_id, more.parent_id) == (start, start, mine.id)
    assert one.get(theirs.id) == theirs
    assert two.get(mine.id) == mine
    assert Store.open(one.path).entries() == one.entries()
    assert [entry.id for entry in one.branch()][-2:] == [mine.id, more.id]


def test_the_half_line_of_another_program_does_not_spoil_ours(tmp_path):
    store = new(tmp_path)
    store.append_message(HELLO)
    with store.path.open("ab") as file:
        file.write(b'{"type":"mess')
    store.append_message(ANSWER)
    assert Store.open(store.path).branch() == store.branch()


def test_a_replaced_file_is_gone_on_with(tmp_path):
    store = new(tmp_path)
    store.append_message(HELLO)
    copy = tmp_path / "copy"
    copy.write_bytes(store.path.read_bytes())
    copy.replace(store.path)
    store.append_message(ANSWER)
    assert Store.open(store.path).entries() == store.entries()
    assert len(store.entries()) == 2


@given(st.lists(st.integers(0, 20), max_size=25))
def test_any_tree_is_read_back_as_it_was_grown(moves):
    store = Store.in_memory(Path("/w"))
    parents = {}
    for at, move in enumerate(moves):
        ids = list(parents)
        store.move_to(ids[move % len(ids)] if ids and move else None)
        leaf = store.leaf
        parents[store.append(CustomEntry, custom_type=str(at)).id] = leaf
    lines = [store.raw(id) for id in parents]
    again = Store(store.header, lines, cwd=Path("/w"), file=None)
    assert again.entries() == store.entries()
    assert again.leaf == store.leaf
    for id in parents:
        again.move_to(id)
        path = [id]
        while (parent := parents[path[0]]) is not None:
            path.insert(0, parent)
        assert [entry.id for entry in again.branch()] == path


def test_other_kinds_of_entries_are_appended_by_their_type(tmp_path):
    store = new(tmp_path)
    entry = store.append(CustomEntry, custom_type="state", data={"n": 1})
    assert store.append(ModelChange, provider="p", model_id="m").parent_id == entry.id
    assert isinstance(store.append(Label, target_id=entry.id, label="x"), Label)


def test_two_programs_that_append_at_once_lose_nothing_and_know_of_each_others(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    store = Store.open(path, cwd=tmp_path)
    store.append_message(UserMessage("first", 1))
    store.close()
    script = (
        "import sys; from pathlib import Path; from pi.harness.storage.store import Store;"
        "from pi.llm.messages import UserMessage;"
        "store = Store.open(Path(sys.argv[1]));"
        "[store.append_message(UserMessage(f'{sys.argv[2]}{n}' + 'x' * 5000, n)) for n in range(150)];"
        "store.close()"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]

    texts = [content_text(entry.message.content).rstrip("x") for entry in Store.open(path).entries("message")]
    assert sorted(texts) == sorted(["first", *(f"{name}{n}" for name in "abc" for n in range(150))])
    for name in "abc":
        assert [text for text in texts if text.startswith(name)] == [f"{name}{n}" for n in range(150)]


@pytest.mark.parametrize("keep", [0, 0.1, 0.5, 0.9])
def test_a_file_that_was_cut_gets_back_what_is_missing(tmp_path: Path, keep: float) -> None:
    store = talk(tmp_path)
    os.truncate(store.path, int(store.path.stat().st_size * keep))
    store.append_message(HELLO)
    assert Store.open(store.path).header == store.header
    assert Store.open(store.path).branch() == store.branch()


def test_a_file_that_an_older_one_replaced_gets_back_what_is_missing(tmp_path: Path) -> None:
    store = talk(tmp_path)
    copy = tmp_path / "copy"
    copy.write_bytes(store.path.read_bytes())
    for _ in range(3):
        store.append_message(HELLO)
    copy.replace(store.path)
    store.append_message(ANSWER)
    assert Store.open(store.path).entries() == store.entries()


def test_another_file_in_its_place_stays_as_it_is_until_it_goes(tmp_path: Path) -> None:
    store = talk(tmp_path)
    other = Store.open(tmp_path / "other.jsonl", cwd=tmp_path)
    other.append_message(HELLO)
    foreign = other.path.read_bytes()
    other.path.replace(store.path)
    for _ in range(2):
        with pytest.raises(SessionWriteError, match=r"Something else is now in the place of .*move it away"):
            store.append_message(ANSWER)
    assert store.path.read_bytes() == foreign
    store.path.unlink()
    store.append_message(HELLO)
    assert Store.open(store.path).entries() == store.entries()
