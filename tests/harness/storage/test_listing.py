import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pi.harness.storage.files import session_dir
from pi.harness.storage.listing import SessionRow, list_sessions
from pi.harness.storage.scan import FIRST_LIMIT, read_row
from pi.harness.storage.search import SearchError, Term, parse_query, search
from pi.harness.storage.store import Store
from pi.llm.messages import UserMessage

CREATED = 1_767_225_600_000  # 2026-01-01T00:00:00.000Z


def entry(number, **fields):
    return {"id": f"e{number}", "parentId": None, "timestamp": "2026-01-01T00:00:00.000Z", **fields}


def said(number, text, *, role="user", at=0):
    message = {"role": role, "content": text, "timestamp": CREATED + at}
    return {"type": "message", **entry(number, message=message)}


def named(number, name):
    return {"type": "session_info", **entry(number, name=name)}


def write(folder, id, *lines, cwd="/w", parent=None):
    folder.mkdir(parents=True, exist_ok=True)
    header = {"type": "session", "version": 3, "id": id, "timestamp": "2026-01-01T00:00:00.000Z", "cwd": cwd}
    if parent:
        header["parentSession"] = str(parent)
    path = folder / f"{id}.jsonl"
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in (header, *lines)))
    return path


@pytest.fixture
def here(tmp_path):
    return session_dir(tmp_path / "agent", Path("/w"), env={})


def ids(*args, **options):
    return [row.id for row in list_sessions(*args, **options)]


def test_a_row_tells_what_a_session_is_about(here):
    parent = here.path / "p.jsonl"
    path = write(
        here.path,
        "a",
        said(1, [{"type": "image", "data": "", "mimeType": "image/png"}], at=1),
        said(2, "Fix \x1b[31mthe\n\n  parser\x07", at=2),
        named(3, "First"),
        said(4, [{"type": "text", "text": "Done."}], role="assistant", at=9),
        {
            "type": "message",
            **entry(5, message={"role": "toolResult", "content": [], "timestamp": CREATED + 99}),
        },
        named(6, "  Parser\nwork "),
        parent=parent,
    )
    assert list_sessions(here) == [
        SessionRow(
            id="a",
            path=path,
            cwd="/w",
            name="Parser work",
            first_message="Fix [31mthe parser",
            message_count=4,
            created=CREATED,
            modified=CREATED + 9,
            parent=parent,
        )
    ]


def test_a_long_first_message_is_cut(here):
    write(here.path, "a", said(1, "word " * 1000))
    assert len(list_sessions(here)[0].first_message) == FIRST_LIMIT


def test_a_name_can_be_taken_away(here):
    write(here.path, "a", named(1, "x"), named(2, ""))
    assert list_sessions(here)[0].name is None


def test_an_empty_session_has_the_time_of_its_header_or_file(here):
    write(here.path, "a")
    path = write(here.path, "b")
    path.write_text(path.read_text().replace("2026-01-01T00:00:00.000Z", "whenever"))
    os.utime(path, ns=(5_000_000_000, 5_000_000_000))
    rows = {row.id: row for row in list_sessions(here)}
    assert (rows["a"].created, rows["a"].modified) == (CREATED, CREATED)
    assert (rows["b"].created, rows["b"].modified) == (5000, 5000)


def test_lines_that_other_programs_wrote_count_the_same(here):
    lines = [
        said(1, 'say "type":"message" please', at=1),
        named(2, "N"),
        said(3, "b", role="assistant", at=2),
    ]
    path = write(here.path, "a", *lines)
    (expected,) = list_sessions(here)
    header, *rest = [json.loads(line) for line in path.read_text().splitlines()]
    turned = [dict(reversed(line.items())) for line in rest]
    path.write_text("\r\n".join(map(json.dumps, (header, *turned))) + '\n\nno json\n{"type":"message","id"')
    assert list_sessions(here) == [expected]
    assert ids(here, query="please") == ["a"]


TEXT = st.one_of(st.text(max_size=20), st.just('\n{"type":"message"'), st.just('"role":"toolResult"'))
LINES = st.lists(
    st.one_of(
        st.builds(
            lambda text, role, at: said(1, text, role=role, at=at),
            TEXT,
            st.sampled_from(["user", "assistant", "system", "toolResult", "other"]),
            st.integers(1, 9),
        ),
        st.builds(lambda name: named(1, name), TEXT),
        st.builds(lambda text: {"type": "custom", **entry(1, customType=text)}, TEXT),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_a_row_is_the_same_however_the_json_is_laid_out(tmp_path, lines):
    path = write(tmp_path, "a", *lines)
    row = read_row(path, 0)
    path.write_text(
        "\n".join(json.dumps(json.loads(line), indent=None) for line in path.read_text().split("\n")[:-1])
    )
    assert read_row(path, 0) == row
    assert row is not None
    assert row.message_count == sum(line["type"] == "message" for line in lines)


def test_what_is_no_session_is_left_out(here):
    write(here.path, "a")
    (here.path / "junk.jsonl").write_text("junk\n")
    (here.path / "folder.jsonl").mkdir()
    (here.path / "link.jsonl").symlink_to("nowhere")
    assert ids(here) == ["a"]
    assert list_sessions(session_dir(here.root / "none", Path("/w"), env={})) == []


def test_half_characters_do_no_harm(here):
    path = write(here.path, "a", said(1, "cut X emoji"))
    path.write_text(path.read_text().replace("X", "\\ud83d"))
    assert list_sessions(here)[0].first_message == "cut ? emoji"
    assert list_sessions(here)[0].first_message == "cut ? emoji"


def test_the_latest_comes_first_and_the_nameless_can_be_left_out(here):
    write(here.path, "old", said(1, "x", at=1), named(2, "N"))
    write(here.path, "new", said(1, "x", at=2))
    assert ids(here) == ["new", "old"]
    assert ids(here, named_only=True) == ["old"]


def test_other_projects_are_listed_when_they_are_asked_for(here, tmp_path):
    write(here.path, "mine", said(1, "x", at=1))
    write(here.root / "--other--", "other", cwd="/other")
    assert ids(here) == ["mine"]
    assert ids(here, all_projects=True) == ["mine", "other"]
    shared = session_dir(tmp_path / "agent", Path("/w"), env={}, flag=str(tmp_path / "shared"))
    write(shared.path, "s1", said(1, "x", at=1))
    write(shared.path, "s2", cwd="/other")
    assert ids(shared) == ["s1"]
    assert ids(shared, all_projects=True) == ["s1", "s2"]


def test_forks_stand_under_their_parents_and_threads_go_by_their_latest_word(here):
    a = write(here.path, "a", said(1, "x", at=1))
    write(here.path, "b", said(1, "x", at=5))
    c = write(here.path, "c", said(1, "x", at=2), parent=a)
    write(here.path, "d", said(1, "x", at=9), parent=c)
    write(here.path, "e", said(1, "x", at=3), parent=a)
    write(here.path, "f", parent="/gone.jsonl")
    rows = list_sessions(here, sort="threaded")
    assert [(row.id, row.depth) for row in rows] == [
        ("a", 0),
        ("c", 1),
        ("d", 2),
        ("e", 1),
        ("b", 0),
        ("f", 0),
    ]


def test_headers_that_lead_in_a_circle_hide_nothing(here):
    paths = [here.path / f"{id}.jsonl" for id in "abc"]
    write(here.path, "a", said(1, "x", at=3), parent=paths[1])
    write(here.path, "b", said(1, "x", at=2), parent=paths[0])
    write(here.path, "c", said(1, "x", at=1), parent=paths[2])
    write(here.path, "d", parent=paths[0])
    rows = list_sessions(here, sort="threaded")
    assert [(row.id, row.depth) for row in rows] == [("a", 0), ("b", 1), ("d", 1), ("c", 0)]


def test_the_cache_is_used_for_unchanged_files_only(here):
    path = write(here.path, "a", said(1, "before"))
    state = path.stat()
    assert list_sessions(here)[0].first_message == "before"
    path.write_text(path.read_text().replace("before", "behind"))
    os.utime(path, ns=(state.st_mtime_ns, state.st_mtime_ns))
    assert list_sessions(here)[0].first_message == "before"  # as it was: same path, size and time
    os.utime(path, ns=(state.st_mtime_ns, state.st_mtime_ns + 1))
    assert list_sessions(here)[0].first_message == "behind"


def test_the_cache_forgets_deleted_sessions_and_keeps_those_of_other_folders(here, tmp_path):
    path = write(here.path, "a")
    write(here.root / "--other--", "b")
    cache = tmp_path / "agent" / "cache" / "sessions.json"
    list_sessions(here, all_projects=True)
    path.unlink()
    assert list_sessions(here) == []
    assert [known[2]["id"] for known in json.loads(cache.read_text())["known"]] == ["b"]
    if os.name != "nt":
        assert cache.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"format":1,"known":[[1]]}', b'{"format":2,"known":[]}']
)
def test_a_damaged_cache_is_ignored_and_mended(here, tmp_path, damage):
    write(here.path, "a", said(1, "x"))
    cache = tmp_path / "agent" / "cache" / "sessions.json"
    rows = list_sessions(here)
    whole = cache.read_bytes()
    cache.write_bytes(damage)
    assert list_sessions(here) == rows
    assert cache.read_bytes() == whole


def test_without_a_place_for_the_cache_the_list_is_the_same(here, tmp_path):
    write(here.path, "a", said(1, "x"))
    (tmp_path / "agent" / "cache").write_text("a file")
    assert ids(here) == ["a"]


def test_a_session_that_pi_writes_is_listed(here):
    store = Store.create(Path("/w"), directory=here.path, session_id="mine")
    store.append_message(UserMessage("Hello", CREATED))
    store.append_session_info("Greeting")
    store.close()
    (row,) = list_sessions(here)
    assert (row.id, row.name, row.first_message, row.message_count, row.modified) == (
        "mine",
        "Greeting",
        "Hello",
        1,
        CREATED,
    )


def test_queries_are_words_phrases_or_a_regex():
    foo, cve, bar = Term("foo", False), Term("node cve", True), Term("bar", False)
    assert parse_query('  Foo "Node  CVE" bar ').terms == (foo, cve, bar)
    assert parse_query('a "b c').terms == (Term("a", False), Term('"b', False), Term("c", False))
    assert parse_query('""').terms == ()
    assert parse_query("re: a b ").regex == "a b"


@pytest.fixture
def talks(here):
    tool = {
        "role": "toolResult",
        "toolName": "x",
        "content": [{"type": "text", "text": "unheard"}],
        "timestamp": 1,
    }
    write(
        here.path, "1", said(1, "Mend the Parser\nsoon", at=1), {"type": "message", **entry(2, message=tool)}
    )
    answer = [{"type": "text", "text": 'Über the parser: say "hi"'}]
    write(here.path, "2", said(1, "Greet", at=2), said(2, answer, role="assistant", at=2))
    write(here.path, "3", said(1, "Nothing", at=3), named(2, "Parser"))
    return here


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("parser", ["3", "2", "1"]),
        ("PARSER mend", ["1"]),
        ("prsr", ["3", "1"]),
        ('"the parser"', ["2", "1"]),
        ('"parser soon"', ["1"]),
        ('"prsr"', []),
        ("über", ["2"]),
        ("'say", []),
        ('re:say "hi"$', ["2"]),
        ("re:^(greet|nothing)", ["2"]),
        ("unheard", []),
        ("re:unheard", []),
        ("  ", ["3", "2", "1"]),
    ],
)
def test_a_search_finds_what_was_said(talks, query, found):
    assert ids(talks, query=query) == found


def test_the_best_match_comes_first(talks):
    assert ids(talks, query="parser", sort="relevance") == ["3", "1", "2"]
    assert ids(talks, query="parser", sort="threaded") == ["3", "1", "2"]
    assert ids(talks, query="re:parser", sort="relevance") == ["3", "1", "2"]
    assert ids(talks, sort="relevance") == ["3", "2", "1"]


@pytest.mark.parametrize("broken", ["re:(", "re:[z-a]", "re:", "re:*", "re:a\0b"])
def test_a_broken_regex_is_an_error_that_names_it(talks, broken):
    with pytest.raises(SearchError) as caught:
        list_sessions(talks, query=broken)
    assert "re:" in str(caught.value) or "regular expression" in str(caught.value)


def test_a_regex_that_would_take_years_is_stopped(here):
    write(here.path, "1", said(1, "a" * 100))
    with pytest.raises(SearchError, match=r"takes longer than 0\.5 seconds"):
        search(parse_query("re:(a+)+$x"), list_sessions(here), seconds=0.5)
