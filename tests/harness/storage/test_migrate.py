import json

import pytest

from pi.harness.storage.migrate import migrate, rewrite
from pi.platform.errors import PiError

HEADER = b'{"type":"session","id":"x","timestamp":"t","cwd":"/w","provider":"p","thinkingLevel":"off"}'


def links(lines):
    return [(entry["id"], entry["parentId"]) for entry in map(json.loads, lines[1:])]


def test_version_1_becomes_a_tree_and_everything_else_keeps_its_bytes():
    old = [
        HEADER,
        b'{"type":"message", "odd":1.50,"message":{"role":"user","content":"\\ud83d \\u00e9"}}',
        b"half a li",
        b'{"type":"hologram","x":3.0}',
        b'{"type":"compaction","summary":"s","firstKeptEntryIndex":1,"tokensBefore":9}',
        b'{"type":"compaction","summary":"s","firstKeptEntryIndex":0,"tokensBefore":9}',
    ]
    new = migrate(old)
    (first, _), (second, _), (third, _), (fourth, _) = ids = links(new)
    assert ids == [(first, None), (second, first), (third, second), (fourth, third)]
    assert new[0] == HEADER[:-1] + b',"version":3}'
    assert new[1] == old[1][:-1] + f',"id":"{first}","parentId":null}}'.encode()
    assert new[2] == old[3][:-1] + f',"id":"{second}","parentId":"{first}"}}'.encode()
    assert json.loads(new[3]) == {
        "type": "compaction", "summary": "s", "tokensBefore": 9,
        "id": third, "parentId": second, "firstKeptEntryId": first,
    }  # fmt: skip
    assert json.loads(new[4]) == {
        "type": "compaction", "summary": "s", "tokensBefore": 9, "id": fourth, "parentId": third,
    }  # fmt: skip


def test_version_2_renames_the_hook_role_and_nothing_else():
    header = b'{"type":"session","version":2,"id":"x","timestamp":"t","cwd":"/w"}'
    message = b'{"type":"message","id":"a","parentId":null,"message":{"role":"user","content":1.50}}'
    hook = b'{"type":"message","id":"b","parentId":"a","message":{"role":"hookMessage","content":"\\ud83d"}}'
    new = migrate([header, message, hook])
    assert json.loads(new[0])["version"] == 3
    assert new[1] is message
    assert json.loads(new[2]) == {
        "type": "message", "id": "b", "parentId": "a", "message": {"role": "custom", "content": "\ud83d"},
    }  # fmt: skip


@pytest.mark.parametrize("version", [b"3", b"4", b'"3"'])
def test_current_and_newer_files_are_left_alone(version):
    lines = [HEADER[:-1] + b',"version":' + version + b"}", b'{"type":"message"}']
    assert migrate(lines) is lines


def test_a_rewritten_file_keeps_its_mode_and_its_link(tmp_path):
    path, link = tmp_path / "old.jsonl", tmp_path / "link.jsonl"
    path.write_bytes(b"old")
    path.chmod(0o600)
    link.symlink_to(path)
    rewrite(link, [b"a\n", b"b"])
    assert link.is_symlink()
    assert path.read_bytes() == b"a\nb\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_file_that_cannot_be_rewritten_stays_as_it_is_and_the_error_names_it(tmp_path):
    path = tmp_path / "old.jsonl"
    path.mkdir()
    with pytest.raises(PiError, match=r"old\.jsonl"):
        rewrite(path, [b"a"])
    assert list(tmp_path.iterdir()) == [path]
