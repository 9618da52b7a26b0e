import os
import stat
import sys
from pathlib import Path

import pytest

from pi.harness.storage.cwd import MissingFolderError, require_folder
from pi.harness.storage.files import session_dir
from pi.harness.storage.store import Store
from pi.harness.storage.transfer import (
    NoTrashError,
    delete_session,
    export_jsonl,
    export_name,
    has_trash,
    import_session,
)
from pi.llm.messages import UserMessage
from pi.platform.errors import PiError
from tests.harness.storage.test_listing import entry, said, write

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="programs are scripts here")


@pytest.fixture
def here(tmp_path):
    return session_dir(tmp_path / "agent", Path("/w"), env={})


@pytest.fixture
def no_trash(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_an_import_copies_every_byte_into_this_projects_folder(here, tmp_path):
    source = write(tmp_path, "talk", said(1, "x"), cwd="/elsewhere")
    source.write_bytes(source.read_bytes().replace(b'"version"', b' "version"') + b"torn {")
    copy = import_session(source, here)
    assert copy == here.path / "talk.jsonl"
    assert copy.read_bytes() == source.read_bytes()


def test_an_import_of_what_is_there_already_is_that_file(here, tmp_path):
    source = write(tmp_path, "talk", said(1, "x"))
    stored = write(here.root / "--other--", "talk", said(1, "x"))
    assert import_session(source, here) == stored
    assert import_session(stored, here) == stored
    assert not here.path.exists()


def test_an_import_refuses_an_id_that_is_there_with_other_content(here, tmp_path):
    source = write(tmp_path, "talk", said(1, "x"))
    stored = write(here.root / "--other--", "talk", said(1, "y"))
    with pytest.raises(PiError) as caught:
        import_session(source, here)
    assert str(caught.value) == (
        f"There is a session talk already, with other content: {stored}. To have both, make a session with a "
        f"new id of this one: pi --fork {source}"
    )


def test_an_import_never_replaces_a_file(here, tmp_path):
    first = write(tmp_path / "1", "one").rename(tmp_path / "1" / "talk.jsonl")
    second = write(tmp_path / "2", "two").rename(tmp_path / "2" / "talk.jsonl")
    third = write(tmp_path / "3", "three").rename(tmp_path / "3" / "talk")
    names = [import_session(path, here).name for path in (first, second, third)]
    assert names == ["talk.jsonl", "talk-1.jsonl", "talk-2.jsonl"]


@pytest.mark.parametrize("content", ["", "junk\n", '{"type":"message"}\n'])
def test_what_is_no_session_is_neither_imported_nor_exported_nor_deleted(here, tmp_path, content):
    path = here.path / "x.jsonl"
    here.path.mkdir(parents=True)
    path.write_text(content)
    for refused in (
        lambda: import_session(path, here),
        lambda: export_jsonl(path, tmp_path / "out.jsonl"),
        lambda: delete_session(path, here, for_good=True),
    ):
        with pytest.raises(PiError, match="is not a session file"):
            refused()
    assert path.read_text() == content


def test_a_missing_file_is_named(here, tmp_path):
    with pytest.raises(PiError, match=r"^File not found: .*none\.jsonl$"):
        import_session(tmp_path / "none.jsonl", here)


def test_an_export_is_the_file_byte_for_byte(tmp_path):
    source = write(tmp_path, "a", said(1, "x"))
    source.write_bytes(b"\n" + source.read_bytes().replace(b'"content"', b' "content" ') + b"torn")
    target = export_jsonl(source, tmp_path / export_name(source))
    assert target.name == "pi-session-a.jsonl"
    assert target.read_bytes() == source.read_bytes()


def test_an_export_of_a_branch_has_its_lines_as_they_are(tmp_path):
    def at(number, parent):
        return {"type": "custom", **entry(number), "parentId": parent, "unknown": number}

    source = write(tmp_path, "a", at(1, None), at(2, "e1"), at(3, "e1"), at(4, "e3"), at(5, "e2"))
    lines = source.read_bytes().replace(b'"unknown":', b'"unknown": ').splitlines(keepends=True)
    source.write_bytes(b"".join(lines).rstrip())
    assert export_jsonl(source, tmp_path / "4", branch="e4").read_bytes() == b"".join(
        lines[line] for line in (0, 1, 3, 4)
    )
    assert export_jsonl(source, tmp_path / "5", branch="e5").read_bytes() == b"".join(
        lines[line] for line in (0, 1, 2, 5)
    )
    with pytest.raises(PiError, match=r"^Entry e9 not found$"):
        export_jsonl(source, tmp_path / "9", branch="e9")
    assert Store.open(tmp_path / "4").leaf == "e4"


def test_parents_in_a_circle_end_an_export(tmp_path):
    lines = [
        {"type": "custom", **entry(1), "parentId": "e2"},
        {"type": "custom", **entry(2), "parentId": "e1"},
    ]
    source = write(tmp_path, "a", *lines)
    header, first, second = source.read_bytes().splitlines(keepends=True)
    assert export_jsonl(source, tmp_path / "x", branch="e1").read_bytes() == header + second + first


def test_an_export_replaces_a_file_only_when_told_and_never_its_source(tmp_path):
    source = write(tmp_path, "a")
    target = tmp_path / "out.jsonl"
    target.write_text("old")
    with pytest.raises(PiError, match="there already"):
        export_jsonl(source, target)
    assert target.read_text() == "old"
    export_jsonl(source, target, overwrite=True)
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(PiError, match="there already"):
        export_jsonl(source, source, overwrite=True)


@POSIX_ONLY
def test_a_deleted_session_goes_into_the_trash(here, no_trash):
    path = write(here.path, "-a")
    program(no_trash, "trash", f'PATH={os.defpath} exec mv "$1" {no_trash}/kept')
    assert has_trash()
    assert delete_session(path, here) == "trashed"
    assert not path.exists()
    assert (no_trash / "kept").exists()


@POSIX_ONLY
def test_the_desktops_trash_is_the_second_choice(here, no_trash):
    path = write(here.path, "a")
    program(no_trash, "trash", "exit 0")  # it says yes and does nothing
    program(no_trash, "gio", f'[ "$1" = trash ] && PATH={os.defpath} exec mv "$2" {no_trash}/kept')
    assert delete_session(path, here) == "trashed"
    assert (no_trash / "kept").exists()


def test_without_a_trash_only_a_confirmed_deletion_deletes(here, no_trash):
    path = write(here.path, "a")
    assert not has_trash()
    with pytest.raises(NoTrashError):
        delete_session(path, here)
    assert path.exists()
    assert delete_session(path, here, for_good=True) == "deleted"
    assert not path.exists()


def test_nothing_outside_of_the_folders_of_sessions_is_deleted(here, tmp_path, no_trash):
    outside = write(tmp_path, "a")
    for path in (outside, here.path / ".." / ".." / ".." / "a.jsonl"):
        here.path.mkdir(parents=True, exist_ok=True)
        with pytest.raises(PiError, match="not in a folder of sessions"):
            delete_session(path, here, for_good=True)
    assert outside.exists()
    chosen = session_dir(tmp_path / "agent", Path("/w"), env={}, flag=str(tmp_path))
    assert delete_session(outside, chosen, for_good=True) == "deleted"


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere it needs lsof, or the system refuses by itself"
)
def test_a_session_that_pi_is_writing_is_not_deleted(here, no_trash):
    store = Store.create(Path("/w"), directory=here.path, session_id="busy")
    store.append_message(UserMessage("Hello", 1))
    assert store.path is not None
    with pytest.raises(PiError, match=r"A running Pi is writing .*\. End that session first"):
        delete_session(store.path, here, for_good=True)
    store.close()
    assert delete_session(store.path, here, for_good=True) == "deleted"


def test_a_session_whose_folder_is_gone_says_how_to_go_on(tmp_path):
    path = write(tmp_path, "a", said(1, "x"), cwd=str(tmp_path / "gone"))
    with pytest.raises(MissingFolderError) as caught:
        require_folder(Store.open(path), tmp_path)
    assert str(caught.value) == (
        f"Stored session working directory does not exist: {tmp_path / 'gone'}\n"
        f"Session file: {path}\n"
        f"Current working directory: {tmp_path}\n"
        f"Bring the folder back, or go on here in a copy: pi --fork {path}"
    )
    require_folder(Store.open(path, cwd=tmp_path), tmp_path)
    require_folder(Store.in_memory(tmp_path / "gone"), tmp_path)
