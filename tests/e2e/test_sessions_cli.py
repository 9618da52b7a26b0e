"""`pi sessions` from outside: what people and scripts see, exit codes, and that nothing is lost unasked."""

import json
import os
import sys
from pathlib import Path

import pytest

from pi.harness.storage.files import session_dir
from tests.e2e.conftest import World
from tests.harness.storage.test_listing import named, said, write

ASK = ("--model", "oai/m", "-p")


def folder(world: World) -> Path:
    return session_dir(world.agent, world.project, env={}).path


def only_file(world: World) -> Path:
    (path,) = world.agent.glob("sessions/*/*.jsonl")
    return path


def test_a_session_is_listed_found_and_told_as_json(world: World) -> None:
    world.run(*ASK, "Mend the parser", "--session-id", "abcdefgh-1", "--name", "Parser")
    world.run(*ASK, "Write notes", "--session-id", "abcdefgh-2")

    listed = world.run("sessions")
    assert listed.stderr == ""
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", "abcdefgh-2", "abcdefgh-1"]
    assert listed.stdout.splitlines()[2].endswith("  Parser")
    found = json.loads(world.run("sessions", "list", "mend", "--json", "--named").stdout)
    entries = next(session for session in world.sessions() if session[0]["id"] == "abcdefgh-1")
    messages = [entry for entry in entries if entry["type"] == "message"]
    (item,) = found
    assert item == {
        "id": "abcdefgh-1",
        "path": str(next(folder(world).glob("*abcdefgh-1.jsonl"))),
        "cwd": str(world.project),
        "name": "Parser",
        "firstMessage": "Mend the parser",
        "messageCount": len(messages),
        "created": entries[0]["timestamp"],
        "modified": item["modified"],
    }
    assert (
        world.run("sessions", "nowhere").stdout == "No session matches. To look in all folders, add --all.\n"
    )


def test_control_characters_of_a_session_never_reach_the_terminal(world: World) -> None:
    write(folder(world), "a\x1b[2J", said(1, "x\x1b[2J"), named(2, "y\x1b[2J"), cwd="/\x1b[2J")

    done = world.run("sessions", "--all")

    assert "\x1b" not in done.stdout
    assert "y[2J" in done.stdout


def test_a_deletion_asks_and_without_anybody_to_ask_keeps(world: World) -> None:
    path = write(folder(world), "abc", said(1, "x"))

    done = world.run("sessions", "delete", "ab", stdin="y\n")

    assert done.returncode == 1
    assert "say so with --yes" in done.stderr
    assert path.exists()


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, False), ("n", 1, True), ("", 1, True)])
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_answer_in_a_terminal_decides(world: World, answer: str, code: int, left: bool) -> None:
    import pty

    path = write(folder(world), "abc", said(1, "x"))
    ours, theirs = pty.openpty()
    process = world.start("sessions", "delete", "abc", stdin=theirs)
    os.write(ours, f"{answer}\n".encode() * 2)  # should the trash refuse it, it is asked once more
    process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert process.returncode == code
    assert path.exists() == left


def test_a_confirmed_deletion_takes_one_and_an_ambiguous_one_none(world: World) -> None:
    paths = [write(folder(world), id, said(1, "x")) for id in ("abc1", "abc2")]

    refused = world.run("sessions", "delete", "abc", "--yes")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: Several sessions begin with abc.")
    assert all(path.exists() for path in paths)
    done = world.run("sessions", "delete", "abc1", "--yes")
    assert (done.returncode, done.stdout) in [(0, "Session moved to trash\n"), (0, "Session deleted\n")]
    assert [path.exists() for path in paths] == [False, True]
    assert "No session found matching 'abc1'" in world.run("sessions", "delete", "abc1", "--yes").stderr


def test_an_exported_session_comes_back_by_import_and_goes_on(world: World) -> None:
    world.run(*ASK, "Hello", "--session-id", "abc")
    path = only_file(world)
    before = path.read_bytes()

    assert world.run("sessions", "export", "abc", "out.jsonl").stdout == "Exported to: out.jsonl\n"
    assert (world.project / "out.jsonl").read_bytes() == before
    again = world.run("sessions", "export", "abc", "out.jsonl")
    assert (again.returncode, again.stdout) == (1, "")
    assert world.run("sessions", "export", "abc", "out.jsonl", "--force").returncode == 0
    path.unlink()
    done = world.run("sessions", "import", "out.jsonl")
    assert done.stdout.splitlines()[0] == str(folder(world) / "out.jsonl")
    assert only_file(world).read_bytes() == before
    assert world.run("-c", *ASK, "And now?").returncode == 0
    assert only_file(world).read_bytes().startswith(before)


def test_the_export_option_writes_lines_or_a_page_under_a_name_of_its_own(world: World) -> None:
    source = write(world.project, "talk", said(1, "the question"))

    missing = world.run("--export", "none.jsonl")
    assert (missing.returncode, missing.stderr) == (
        1,
        f"Error: File not found: {world.project / 'none.jsonl'}\n",
    )
    done = world.run("--export", "talk.jsonl", "out.jsonl")
    assert (done.returncode, done.stdout) == (0, "Exported to: out.jsonl\n")
    assert (world.project / "out.jsonl").read_bytes() == source.read_bytes()
    for again in range(2):  # a page of ours is written anew
        page = world.run("--export", "talk.jsonl")
        assert (again, page.returncode, page.stdout) == (again, 0, "Exported to: pi-session-talk.html\n")
    assert "the question" in (world.project / "pi-session-talk.html").read_text(encoding="utf-8")
    (world.project / "mine.html").write_text("mine")
    refused = world.run("--export", "talk.jsonl", "mine.html")
    assert (refused.returncode, (world.project / "mine.html").read_text()) == (1, "mine")
    lost = world.run("--export", "talk.jsonl", "nowhere/out.html")
    assert (lost.returncode, "There is no folder" in lost.stderr) == (1, True)


def test_a_session_is_exported_as_a_page_without_the_keys_that_pi_knows(world: World) -> None:
    world.run(*ASK, "My key is sk-fake-oai", "--session-id", "abc")
    (world.agent / "auth.json").write_text('{"oai": {"type": "api_key", "key": "sk-fake-oai"}}')

    done = world.run("sessions", "export", "abc", "out.html")

    assert (done.returncode, done.stdout) == (0, "Exported to: out.html\n")
    page = (world.project / "out.html").read_text(encoding="utf-8")
    assert "My key is [redacted]" in page and "sk-fake-oai" not in page


@pytest.mark.parametrize("mode", [("-p",), ("--mode", "json")])
def test_a_session_whose_folder_is_gone_is_not_opened(world: World, mode: tuple[str, ...]) -> None:
    path = write(folder(world), "abc", said(1, "x"), cwd=str(world.project / "gone"))
    before = path.read_bytes()

    done = world.run("--model", "oai/m", "--session", "abc", *mode, "Go on")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"Error: Stored session working directory does not exist: {world.project / 'gone'}\n"
        f"Session file: {path}\nCurrent working directory: {world.project}\n"
    )
    assert path.read_bytes() == before
    assert world.provider.requests == []
    assert world.run("--fork", "abc", *ASK, "Go on").returncode == 0


def test_wrong_words_are_named(world: World) -> None:
    for words in (
        ("delete",),
        ("--sort", "age"),
        ("--sort",),
        ("import", "a", "b"),
        ("list", "--yes"),
        ("re:(",),
    ):
        done = world.run("sessions", *words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert done.stderr.startswith("Error: "), words
    assert world.run("sessions", "--help").stdout.startswith("Usage: pi sessions")
