"""A page is written whole or not at all, and however long its session is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pi.harness.export.page import Colors
from pi.harness.export.writing import export_html
from pi.platform.errors import PiError
from tests.harness.export.talks import Elements, Script, call, two_branches


def test_a_page_reads_without_a_script_and_loads_nothing(tmp_path: Path) -> None:
    elements = Elements(two_branches().page(tmp_path))
    shown, _, others = elements.text.partition("End of this branch")

    for text in ("Why is the ", "cat sky.txt", "scattering", "Rayleigh, surely.", "There dusk is blue."):
        assert text in shown
    assert "Then it is red." in others
    assert not [found for tag, found in elements.found if tag == "link" or "src" in found]


def test_the_source_is_left_as_it_is_also_when_it_is_of_an_old_version(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(
        b'{"type":"session","id":"old","timestamp":"","cwd":"/w"}\n{"type":"message","message":{}}'
    )
    before = path.read_bytes()
    export_html(path, tmp_path / "old.html")
    assert path.read_bytes() == before


def test_only_one_branch_is_in_the_page_of_a_branch(tmp_path: Path) -> None:
    page = two_branches().page(tmp_path, branch="00000007")
    assert "Then it is red." in page and "There dusk is blue." not in page


def test_another_leaf_is_shown_first_and_the_rest_is_there(tmp_path: Path) -> None:
    text = Elements(two_branches().page(tmp_path, leaf="00000007")).text
    shown, _, others = text.partition("End of this branch")
    assert ("Then it is red." in shown, "There dusk is blue." in others) == (True, True)


def test_a_theme_gives_the_backgrounds_of_its_own_appearance(tmp_path: Path) -> None:
    page = two_branches().page(tmp_path, colors=Colors("dark", "#101112", "", "red;}*{}"))
    assert ":root {--dark-page: #101112;}\n" in page
    assert "red;" not in page


def test_a_page_of_ours_is_replaced_and_no_other_file(tmp_path: Path) -> None:
    source = two_branches().write(tmp_path / "talk.jsonl")
    target = tmp_path / "talk.html"
    export_html(source, target)
    export_html(source, target)
    target.write_text("<html>mine")
    with pytest.raises(PiError, match="is there already"):
        export_html(source, target)
    assert target.read_text() == "<html>mine"
    export_html(source, target, overwrite=True)
    assert "scattering" in target.read_text(encoding="utf-8")
    with pytest.raises(PiError, match="is there already"):
        export_html(source, source, overwrite=True)


def test_what_can_not_be_exported_is_said(tmp_path: Path) -> None:
    source = two_branches().write(tmp_path / "talk.jsonl")
    (tmp_path / "notes.jsonl").write_text("notes")
    for path, target, said in (
        (tmp_path / "none.jsonl", tmp_path / "a.html", "File not found: "),
        (tmp_path / "notes.jsonl", tmp_path / "a.html", "doesn't begin with the header of a session"),
        (source, tmp_path, "is a folder. Name a file in it."),
        (source, tmp_path / "no" / "a.html", "There is no folder "),
    ):
        with pytest.raises(PiError, match=said):
            export_html(path, target)
    with pytest.raises(PiError, match="Entry nobody not found"):
        export_html(source, tmp_path / "a.html", leaf="nobody")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.jsonl", "talk.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_disk_that_is_full_leaves_the_old_page(tmp_path: Path) -> None:
    source = two_branches().write(tmp_path / "talk.jsonl")
    target = tmp_path / "talk.html"
    export_html(source, target)
    before = target.read_bytes()
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from pi.harness.export.writing import export_html\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "export_html(*map(Path, sys.argv[1:]))"
    )
    words = [sys.executable, "-B", "-c", script, os.fspath(source), os.fspath(target)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert f"Can't write {target}: File too large. Name a file in another folder." in done.stderr
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.html", "talk.jsonl"]


def test_a_long_session_is_never_in_memory_as_a_page(tmp_path: Path) -> None:
    script = Script()
    at = None
    for turn in range(300):
        at = script.user(at, f"Question {turn}")
        at = script.answer(at, "An answer. " * 200, call(f"c{turn}", "bash", command="cat log"))
        at = script.result(at, f"c{turn}", "bash", f"line {turn} of a log\n" * 1500)
    source = script.write(tmp_path / "talk.jsonl")
    code = (
        "import sys, tracemalloc; from pathlib import Path\n"
        "from pi.harness.export.writing import export_html\n"
        "import jinja2, markdown_it, pygments.lexers\n"
        "tracemalloc.start()\n"
        "export_html(*map(Path, sys.argv[1:]))\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    target = tmp_path / "talk.html"
    words = [sys.executable, "-c", code, os.fspath(source), os.fspath(target)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    size = source.stat().st_size
    assert size > 9_000_000 and target.stat().st_size > size * 0.9
    assert int(done.stdout) < 3 * size  # its bytes, its lines, and one message at a time


def test_a_deep_session_needs_no_recursion(tmp_path: Path) -> None:
    script = Script()
    at = None
    for turn in range(3000):
        at = script.user(at, str(turn))
    assert 'id="e2999"' in script.page(tmp_path)
