"""A message reaches one session, once, whoever takes it and whenever Pi is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.inbox import Deliver, Inbox, Message, send, send_to_project
from pi.platform.errors import PiError

TAKER = """
import os, signal, sys
from pathlib import Path
from pi.harness.inbox import Inbox

folder, session, end = sys.argv[1:]
inbox = Inbox(Path(folder), session, Path(folder), already=lambda id: False)
print("ready", flush=True)
sys.stdin.readline()
if end == "kill":
    for message in inbox.take():
        print(message.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
done = False
while not done:
    for message in inbox.take():
        done = done or message.text == "end"
        inbox.acknowledge(message)
        print(message.id)
"""
SENDER = """
import sys
from pathlib import Path
from pi.harness.inbox import Message, send, send_to_project

folder, session = Path(sys.argv[1]), sys.argv[2]
for number in range(200):
    message = Message(text=str(number))
    send(folder, session, message) if session else send_to_project(folder, folder, message)
    print(message.id)
"""


def box(folder: Path, session: str = "s1", saved: tuple[str, ...] = (), cwd: Path | None = None) -> Inbox:
    return Inbox(folder / "inbox", session, cwd or folder, already=lambda id: id in saved)


def start_taker(folder: Path, session: str, end: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKER, str(folder), session, end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def taken_by_a_killed_pi(folder: Path, session: str) -> list[str]:
    process = start_taker(folder, session, "kill")
    ids = process.communicate("go\n")[0].split()
    assert process.returncode == -signal.SIGKILL
    return ids


def files(folder: Path) -> list[str]:
    return os.listdir(folder / "inbox")


def test_a_message_arrives_whole_and_once(tmp_path: Path) -> None:
    message = Message(
        id="m1",
        text="hé\n",
        sender="ext",
        created_at=5,
        deliver="now",
        custom_type="note",
        details={"a": [1, None]},
    )
    send(tmp_path / "inbox", "s1", message)
    inbox = box(tmp_path)
    assert inbox.take() == [message]
    assert inbox.take() == []
    assert box(tmp_path).take() == []
    inbox.acknowledge(message)
    inbox.acknowledge(message)
    assert files(tmp_path) == []


def test_messages_come_in_the_order_of_sending(tmp_path: Path) -> None:
    sent = [Message(text=str(number), created_at=100 - number) for number in range(20)]
    for message in sent:
        if int(message.text) % 3:
            send(tmp_path / "inbox", "s1", message)
        else:
            send_to_project(tmp_path / "inbox", tmp_path, message)
    assert box(tmp_path).take() == sent


def test_only_the_session_or_a_session_of_the_project_gets_it(tmp_path: Path) -> None:
    mine, project = Message(text="mine"), Message(text="project")
    send(tmp_path / "inbox", "s1", mine)
    send_to_project(tmp_path / "inbox", tmp_path, project)
    elsewhere = tmp_path / "elsewhere"
    assert box(tmp_path, "s2", cwd=elsewhere).take() == []
    assert box(tmp_path, "S1", cwd=elsewhere).take() == []
    assert box(tmp_path, "s1", cwd=elsewhere).take() == [mine]
    assert box(tmp_path, "s2").take() == [project]


def test_a_project_is_the_same_by_any_of_its_paths(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    message = Message(text="x")
    send_to_project(tmp_path / "inbox", tmp_path / "link" / ".." / tmp_path.name, message)
    assert box(tmp_path).take() == [message]


@pytest.mark.parametrize(
    ("deliver", "running", "opening"), [("now", 1, 0), ("follow_up", 1, 0), ("next_open", 0, 1)]
)
def test_what_waits_for_opening_waits(tmp_path: Path, deliver: Deliver, running: int, opening: int) -> None:
    send(tmp_path / "inbox", "s1", Message(text="x", deliver=deliver))
    inbox = box(tmp_path)
    assert [len(inbox.take()), len(inbox.take(opening=True))] == [running, opening]


@pytest.mark.parametrize("session", ["s1", ""], ids=["session", "project"])
def test_two_takers_and_two_senders_share_400_messages_each_exactly_once(
    tmp_path: Path, session: str
) -> None:
    takers = [start_taker(tmp_path, session or name, "ack") for name in ("s1", "s2" if not session else "s1")]
    senders = [
        subprocess.Popen([sys.executable, "-c", SENDER, str(tmp_path), session], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for taker in takers:
        assert taker.stdin
        taker.stdin.write("go\n")
        taker.stdin.flush()
    sent = [id.decode() for sender in senders for id in sender.communicate()[0].split()]
    # A taker stops at an "end" that it gets itself; it may get the other's as well, so more may be needed.
    taken: list[str] = []
    ends: list[str] = []
    for taker in takers:
        while taker.poll() is None:
            end = Message(text="end")
            ends.append(end.id)
            send(tmp_path, session, end) if session else send_to_project(tmp_path, tmp_path, end)
            time.sleep(0.02)  # only to bound how many are sent
        assert taker.stdout and taker.stdin
        taken += taker.stdout.read().split()
        taker.stdin.close()
        taker.stdout.close()
    assert len(sent) == 400
    assert sorted(set(taken) - set(ends)) == sorted(sent)
    assert len(taken) == len(set(taken))


def test_a_taker_killed_before_it_saved_gives_its_messages_back(tmp_path: Path) -> None:
    messages = [Message(text="a"), Message(text="b")]
    for message in messages:
        send(tmp_path, "s1", message)
    assert taken_by_a_killed_pi(tmp_path, "s1") == [message.id for message in messages]
    assert len(os.listdir(tmp_path)) == 2
    inbox = Inbox(tmp_path, "s1", tmp_path, already=lambda id: False)
    assert inbox.take() == messages


def test_a_taker_killed_between_saving_and_acknowledging_delivers_not_twice(tmp_path: Path) -> None:
    messages = [Message(text="saved"), Message(text="not")]
    for message in messages:
        send(tmp_path, "s1", message)
    taken_by_a_killed_pi(tmp_path, "s1")
    inbox = Inbox(tmp_path, "s1", tmp_path, already=lambda id: id == messages[0].id)
    assert inbox.take() == messages[1:]
    inbox.acknowledge(messages[1])
    assert os.listdir(tmp_path) == []


def test_what_a_killed_session_took_from_the_project_is_its_own_unless_its_file_can_be_asked(
    tmp_path: Path,
) -> None:
    saved, lost = Message(text="saved"), Message(text="lost")
    for message in (saved, lost):
        send_to_project(tmp_path, tmp_path, message)
    taken_by_a_killed_pi(tmp_path, "s1")
    careful = Inbox(tmp_path, "s2", tmp_path, already=lambda id: False)
    assert careful.take() == []
    knowing = Inbox(
        tmp_path,
        "s2",
        tmp_path,
        already=lambda id: False,
        already_in=lambda session, id: (session, id) == ("s1", saved.id),
    )
    assert knowing.take() == [lost]
    knowing.acknowledge(lost)
    assert os.listdir(tmp_path) == []


def test_a_claim_of_a_running_process_holds(tmp_path: Path) -> None:
    send(tmp_path, "s1", Message(text="x"))
    send(tmp_path, "s1", Message(text="end"))
    taker = start_taker(tmp_path, "s1", "kill")
    os.kill(taker.pid, signal.SIGSTOP)
    inbox = Inbox(tmp_path, "s1", tmp_path, already=lambda id: False)
    first, second = inbox.take()
    os.kill(taker.pid, signal.SIGCONT)
    assert taker.communicate("go\n")[0] == ""  # it found nothing to take
    inbox.acknowledge(first)
    inbox.close()
    assert Inbox(tmp_path, "s1", tmp_path, already=lambda id: False).take() == [second]


def test_what_was_not_acknowledged_comes_back_when_the_session_closes(tmp_path: Path) -> None:
    messages = [Message(text="a"), Message(text="b")]
    for message in messages:
        send(tmp_path / "inbox", "s1", message)
    first = box(tmp_path)
    assert first.take() == messages
    first.acknowledge(messages[0])
    first.close()
    assert box(tmp_path).take() == messages[1:]


def test_a_message_that_was_sent_twice_arrives_once(tmp_path: Path) -> None:
    message = Message(text="x")
    for _ in range(3):
        send(tmp_path / "inbox", "s1", message)
    inbox = box(tmp_path, saved=())
    assert inbox.take() == [message]
    inbox.acknowledge(message)
    assert files(tmp_path) == []


def test_the_folder_and_its_files_are_the_users_alone(tmp_path: Path) -> None:
    send(tmp_path / "inbox", "s1", Message(text="secret"))
    [name] = files(tmp_path)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "inbox", tmp_path / "inbox" / name)]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("to", ["", "../x", "a/b", "a\0b", "..", "a" * 101, "x\n", ".hidden", "a\\b"])
def test_hostile_names_are_refused(tmp_path: Path, to: str) -> None:
    with pytest.raises(PiError):
        send(tmp_path / "inbox", to, Message(text="x"))
    with pytest.raises(PiError):
        box(tmp_path, to)
    assert not (tmp_path / "inbox").exists()


def test_a_project_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PiError, match="can't be a folder"):
        send_to_project(tmp_path / "inbox", Path("a\0b"), Message(text="x"))


def test_the_longest_session_id_fits(tmp_path: Path) -> None:
    message = Message(text="x")
    send(tmp_path / "inbox", "a" * 100, message)
    assert box(tmp_path, "a" * 100).take() == [message]


@pytest.mark.parametrize("fault", [object(), "\ud800"], ids=["no JSON", "half a character"])
def test_what_json_cannot_hold_is_refused_at_sending(tmp_path: Path, fault: object) -> None:
    with pytest.raises(PiError, match="can't be written as JSON"):
        send(tmp_path / "inbox", "s1", Message(text="x", details=fault))


def test_an_inbox_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file")
    with pytest.raises(PiError, match="Can't write to the inbox"):
        send(tmp_path / "inbox", "s1", Message(text="x"))


def test_damaged_messages_are_set_aside_with_a_warning(tmp_path: Path) -> None:
    messages = [Message(text="a"), Message(text="b"), Message(text="c"), Message(text="d")]
    for message in messages:
        send(tmp_path / "inbox", "s1", message)
    names = sorted(files(tmp_path))
    for name, content in zip(names, (b"", b'{"text": 1}', b"\xff" + b"[" * 100_000), strict=False):
        (tmp_path / "inbox" / name).write_bytes(content)
    inbox = box(tmp_path)
    assert inbox.take() == messages[3:]
    assert len(inbox.warnings) == 3
    assert all("damaged-" in warning for warning in inbox.warnings)
    assert box(tmp_path).take() == []
    inbox.acknowledge(messages[3])
    assert sorted(files(tmp_path)) == [f"damaged-{name}" for name in names[:3]]


def test_strange_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "inbox" / "folder").mkdir(parents=True)
    (tmp_path / "inbox" / "notes.txt").write_text("mine")
    inbox = box(tmp_path)
    assert (inbox.take(opening=True), inbox.warnings, len(files(tmp_path))) == ([], [], 2)


def test_changed_is_told_for_new_messages_and_not_for_a_settled_folder(tmp_path: Path) -> None:
    inbox = box(tmp_path)
    assert not inbox.changed()  # no folder yet
    send(tmp_path / "inbox", "s1", Message(text="x", deliver="next_open"))
    assert inbox.changed()
    inbox.take()
    assert inbox.changed()  # another message may come within the same tick of the file system's clock
    os.utime(tmp_path / "inbox", (1, 1))
    inbox.take()
    assert not inbox.changed()
    send(tmp_path / "inbox", "s1", Message(text="y"))
    assert inbox.changed()


def test_changed_stays_while_a_claim_of_another_could_come_back(tmp_path: Path) -> None:
    send(tmp_path / "inbox", "s1", Message(text="x"))
    holder, other = box(tmp_path), box(tmp_path)
    holder.take()
    os.utime(tmp_path / "inbox", (1, 1))
    assert (other.take(), other.changed()) == ([], True)


@given(details=st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists))
def test_details_come_back_as_they_were(details: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    message = Message(text="x", details=details)
    send(folder, "s1", message)
    assert Inbox(folder, "s1", folder, already=lambda id: False).take() == [message]
