"""Paths as models write them."""

import os
from pathlib import Path

import pytest

from pi.agent.tool import ToolError
from pi.tools.paths import refusal, resolve_path, resolve_read_path, well_formed

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX paths")


@posix
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.txt", "/work/a.txt"),
        ("@a.txt", "/work/a.txt"),
        ("./x/../a.txt", "/work/a.txt"),
        ("../../../etc/hosts", "/etc/hosts"),
        ("dir/", "/work/dir"),
        ("/abs//b", "/abs/b"),
        ("//abs", "/abs"),
        ("~", "/home/me"),
        ("~/x", "/home/me/x"),
        ("@~/x", "/home/me/x"),
        ("~other/x", "/work/~other/x"),
        ("a\u00a0b\u202fc\u3000d", "/work/a b c d"),
        ("file:///tmp/a%20b?c#d", "/tmp/a b"),
        ("file://localhost/tmp/x", "/tmp/x"),
        ("\ud83d\ude00 \ud800", "/work/\U0001f600 \ufffd"),
    ],
)
def test_a_path_means_what_the_model_meant(written: str, meant: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert str(resolve_path(written, Path("/work"))) == meant


@posix
@pytest.mark.parametrize("written", ["a\0b", "file:///a%00b", "file://host/x", "file://[x"])
def test_what_can_be_no_path_is_refused_with_advice(written: str):
    with pytest.raises(ToolError, match=r"write it without|give (a|the) plain path"):
        resolve_path(written, Path("/work"))


@posix
@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("Screenshot 2025-01-01 at 9.41.00\u202fAM.png", "Screenshot 2025-01-01 at 9.41.00 AM.png"),
        ("re\u0301sume\u0301.txt", "r\u00e9sum\u00e9.txt"),
        ("Capture d\u2019ecran.png", "Capture d'ecran.png"),
        ("Capture d\u2019e\u0301cran.png", "Capture d'\u00e9cran.png"),
    ],
)
def test_files_named_by_macos_are_found_by_their_plain_names(stored: str, written: str, tmp_path: Path):
    (tmp_path / stored).touch()
    assert resolve_read_path(written, tmp_path) == tmp_path / stored


def test_a_missing_file_keeps_the_name_the_model_gave(tmp_path: Path):
    assert resolve_read_path("it's not AM.there", tmp_path) == tmp_path / "it's not AM.there"


def test_refusals_have_the_words_of_node(tmp_path: Path):
    with pytest.raises(OSError) as caught:
        (tmp_path / "x").stat()
    assert refusal(caught.value, "access", Path("/a")) == "ENOENT: no such file or directory, access '/a'"


def test_text_for_utf8_joins_pairs_and_replaces_lone_halves():
    assert well_formed("a\ud83d\ude00b\udc00") == "a\U0001f600b\ufffd"
