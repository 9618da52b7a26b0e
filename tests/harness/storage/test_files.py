import os
from pathlib import Path

import pytest

from pi.harness.storage.files import (
    HEADER_LIMIT,
    FoundSession,
    agent_dir,
    find_session,
    find_session_id,
    latest_session,
    new_session_path,
    read_header,
    session_dir,
    valid_session_id,
)
from pi.platform.errors import ConfigError

HOME = "USERPROFILE" if os.name == "nt" else "HOME"


def write(folder, id, *, cwd="/w", said=None, changed=None, name=None):
    """A session whose last message is at `said` and whose file changed at `changed`, both in seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"2026-01-01T10-00-00-000Z_{id}.jsonl")
    text = (
        f'{{"type":"session","version":3,"id":"{id}","timestamp":"1970-01-01T00:00:01.000Z","cwd":"{cwd}"}}\n'
    )
    if said is not None:
        user = f'{{"role":"user","content":"x","timestamp":{said * 1000}}}'
        text += f'{{"type":"message","id":"a","parentId":null,"timestamp":"t","message":{user}}}\n'
        text += (
            '{"type":"session_info","id":"b","parentId":"a","timestamp":"t","name":"' + "n" * 200_000 + '"}\n'
        )
    path.write_text(text)
    os.utime(path, (changed or said or 5, changed or said or 5))
    return path


@pytest.fixture
def here(tmp_path):
    return session_dir(tmp_path / "agent", Path("/w"), env={})


@pytest.fixture
def shared(tmp_path):
    return session_dir(tmp_path / "agent", Path("/w"), env={}, flag=str(tmp_path / "shared"))


def test_the_agent_dir_is_the_users_choice_or_lies_in_the_home():
    assert agent_dir({HOME: "/h"}) == Path("/h/.pi/agent")
    assert agent_dir({HOME: "/h", "PI_CODING_AGENT_DIR": "~/x"}) == Path("/h/x")
    assert agent_dir({HOME: "/h", "PI_CODING_AGENT_DIR": "/y"}) == Path("/y")


def test_flag_environment_setting_and_default_choose_the_session_dir_in_this_order():
    env = {HOME: "/h", "PI_CODING_AGENT_SESSION_DIR": "~/env"}
    cwd = Path("/w/a:b c")

    def path(**chosen):
        return session_dir(Path("/h/agent"), cwd, **chosen).path

    assert path(env=env, flag="~", setting="/s") == Path("/h")
    assert path(env=env, setting="/s") == Path("/h/env")
    assert path(env={HOME: "/h"}, setting="file:///s%20t") == Path("/s t")
    assert path(env={HOME: "/h"}) == Path("/h/agent/sessions/--w-a-b c--")


def test_a_new_file_is_named_by_time_and_id():
    path = new_session_path(Path("/s"), "my-id.1", "2026-11-23T01:41:52.873Z")
    assert path == Path("/s/2026-11-23T01-41-52-873Z_my-id.1.jsonl")


@pytest.mark.parametrize("good", ["a", "my-id.1", "A_b", "0" * 300])
def test_ids_that_can_name_a_file_are_valid(good):
    assert valid_session_id(good) == good


@pytest.mark.parametrize("bad", ["", "bad id!", "-a", "a.", "a/b", "é", "a\n"])
def test_other_ids_are_refused_in_the_originals_words(bad):
    with pytest.raises(ConfigError) as caught:
        valid_session_id(bad)
    assert str(caught.value) == (
        "Session id must be non-empty, contain only alphanumeric characters, '-', '_', and '.', "
        "and start and end with an alphanumeric character"
    )


def test_a_path_is_taken_as_it_is_whether_there_is_a_file_or_not(here, tmp_path):
    assert find_session("sub/x", here, {}) == FoundSession(Path("/w/sub/x"))
    assert find_session("x.jsonl", here, {}) == FoundSession(Path("/w/x.jsonl"))
    assert find_session("~/x.jsonl", here, {HOME: str(tmp_path)}) == FoundSession(tmp_path / "x.jsonl")


def test_an_id_or_its_start_finds_this_projects_session_first(here):
    elsewhere = write(here.root / "--other--", "abc", cwd="/other", said=90)
    longer = write(here.path, "abcdef", said=10)
    later = write(here.path, "abcxyz", said=20)
    assert find_session("abcdef", here, {}) == FoundSession(longer, "/w")
    assert find_session("abc", here, {}) == FoundSession(later, "/w")
    longer.unlink()
    later.unlink()
    assert find_session("ab", here, {}) == FoundSession(elsewhere, "/other", elsewhere=True)


def test_an_exact_id_beats_a_later_session_whose_id_only_starts_so(here):
    exact = write(here.path, "abc", said=10)
    write(here.path, "abcd", said=20)
    assert find_session("abc", here, {}) == FoundSession(exact, "/w")
    assert find_session_id("abc", here) == exact
    assert find_session_id("ab", here) is None


def test_an_unknown_id_is_an_error_in_the_originals_words(here):
    with pytest.raises(ConfigError, match=r"^No session found matching 'deadbeef'$"):
        find_session("deadbeef", here, {})


def test_a_folder_that_several_projects_share_is_searched_for_this_one_first(shared):
    other = write(shared.path, "abc", cwd="/other", said=20)
    mine = write(shared.path, "abd", said=10)
    assert find_session("ab", shared, {}) == FoundSession(mine, "/w")
    assert find_session("abc", shared, {}) == FoundSession(other, "/other", elsewhere=True)
    assert latest_session(shared) == mine


def test_the_latest_session_is_the_one_with_the_latest_message(here):
    latest = write(here.path, "a", said=50, changed=60)
    write(here.path, "renamed-later", said=40, changed=70)
    write(here.path, "older", said=30, changed=30)
    assert latest_session(here) == latest


def test_without_messages_the_sessions_own_time_counts(here):
    write(here.path, "empty", changed=99)
    talk = write(here.path, "talk", said=2)
    assert latest_session(here) == talk


def test_of_two_with_the_same_messages_the_one_that_was_written_later_is_latest(here):
    write(here.path, "source", said=50, changed=50)
    fork = write(here.path, "fork", said=50, changed=51)
    assert latest_session(here) == fork


def test_there_is_no_latest_session_where_there_is_none(here):
    assert latest_session(here) is None
    here.path.mkdir(parents=True)
    (here.path / "junk.jsonl").write_text("junk")
    (here.path / "folder.jsonl").mkdir()
    assert latest_session(here) is None


def test_a_header_is_found_behind_blank_and_broken_lines(tmp_path):
    path = write(tmp_path, "x")
    path.write_text("\nbroken {\n" + path.read_text())
    assert read_header(path).id == "x"


def test_what_begins_with_something_else_has_no_header(tmp_path):
    path = write(tmp_path, "x")
    path.write_text('{"type":"message"}\n' + path.read_text())
    assert read_header(path) is None
    assert read_header(tmp_path / "missing.jsonl") is None


def test_a_header_is_searched_in_the_first_mebibyte_only(tmp_path):
    path = write(tmp_path, "x")
    header = path.read_bytes().rstrip()
    path.write_bytes(b"\n" * (HEADER_LIMIT - len(header)) + header)
    assert read_header(path).id == "x"
    path.write_bytes(b"\n" * (HEADER_LIMIT - len(header) + 1) + header)
    assert read_header(path) is None
    path.write_bytes(header[:-1] + b',"more":"' + b"x" * HEADER_LIMIT + b'"}\n')
    assert read_header(path) is None
