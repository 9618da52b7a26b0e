import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness import frontmatter
from pi.harness.frontmatter import FrontmatterError, parse_frontmatter, simple_fields, split_frontmatter


def by_yaml(source):
    return parse_frontmatter(f"---\n# a comment, so that YAML reads it\n{source}\n---\n")[0]


@pytest.mark.parametrize(
    ("text", "fields", "body"),
    [
        ("---\nname: a\n---\n\nBody\n", {"name": "a"}, "Body"),
        ("---\r\nname: a\r\n---\r\nOne\r\nTwo\r\n", {"name": "a"}, "One\nTwo"),
        ("Body only\n", {}, "Body only\n"),
        ("---\nnever closed\n", {}, "---\nnever closed\n"),
        ("---\n---\nBody", {}, "Body"),
        ("---\n\n---\n", {}, ""),
        ("---\njust a text\n---\nBody", {}, "Body"),
        ("---\n- a\n- b\n---\nBody", {}, "Body"),
        ("---\n1: one\nname: a\n---\nBody", {"name": "a"}, "Body"),
        ("", {}, ""),
    ],
)
def test_the_fields_stand_between_dashes_and_the_body_below(text, fields, body):
    assert parse_frontmatter(text) == (fields, body)
    assert split_frontmatter(text)[1] == body


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("plain words, [brackets] and a#hash", "plain words, [brackets] and a#hash"),
        ("words # comment", "words"),
        ('"quoted: # text"', "quoted: # text"),
        ("'it''s'", "it's"),
        ('"\\u0041"', "A"),
        (">-\n  folded\n  text", "folded text"),
        ("|\n  kept\n  lines", "kept\nlines\n"),
        ("[focus]", ["focus"]),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("", None),
        ("yes", "yes"),
        ("off", "off"),
        ("2024-01-01", "2024-01-01"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("08", 8.0),
        ("-.5e3", -500.0),
        (".inf", float("inf")),
        ("http://example.org/a:b", "http://example.org/a:b"),
        ("é 🎉 z", "é 🎉 z"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_values_are_read_as_yaml_1_2_does(source, value):
    assert parse_frontmatter(f"---\nkey: {source}\n---\n")[0] == {"key": value}


WORDS = st.text(
    st.sampled_from("abz yN019_-.,:#'\"[]{}&*!|>%@`\\?~/\t\u00a0é"), max_size=12
) | st.sampled_from(["true", "null", "no", "1", ".5", "a: b", "a #b", "~"])


@given(st.dictionaries(st.sampled_from(["name", "description", "argument-hint", "a_b"]), WORDS))
def test_what_is_read_without_yaml_is_what_yaml_reads(values):
    source = "\n".join(f"{key}: {value}" for key, value in values.items())
    fields = simple_fields(source)
    if fields is not None:
        assert fields == by_yaml(source)


@given(st.text(st.characters(categories=["L", "M", "P", "S", "Zs"]), max_size=30))
def test_any_unicode_text_reads_the_same_without_yaml(text):
    fields = simple_fields(f"key: a{text}")
    if fields is not None:
        assert fields == by_yaml(f"key: a{text}")


def test_plain_frontmatter_does_not_load_yaml():
    script = (
        "import sys; from pi.harness.frontmatter import parse_frontmatter;"
        'print(parse_frontmatter(\'---\\nname: a\\ndescription: "b: c"\\nx:\\n\\n'
        "disable-model-invocation: true\\n---\\nBody'), 'yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    fields = {"name": "a", "description": "b: c", "x": None, "disable-model-invocation": True}
    assert done.stdout == f"{(fields, 'Body')} False\n"


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("name: a\ndescription: a: b", "line 3, column 15: "),
        ("key: [a", ""),
        ('key: "open', ""),
        ("key: @at", ""),
        ("key: *nobody", ""),
        ("? [a]\n: b", ""),
        ("key: !!python/object/apply:os.getcwd []", ""),
        ("key: !!int x", ""),
        ("key: a\x00b", ""),
        ("key: " + "[" * 100_000, ""),
        ("key: " + "9" * 10_000, ""),
    ],
)
def test_broken_yaml_is_an_error_that_says_where(source, place):
    with pytest.raises(FrontmatterError) as error:
        parse_frontmatter(f"---\n{source}\n---\nBody")
    assert str(error.value).startswith(place)
    assert "\n" not in str(error.value)


def test_yaml_without_its_c_library_reads_the_same(monkeypatch):
    import yaml

    monkeypatch.delattr(yaml, "CSafeLoader")
    frontmatter._loader.cache_clear()
    try:
        assert by_yaml("a: yes\nb: 1\nc: true\nd:") == {"a": "yes", "b": 1, "c": True, "d": None}
    finally:
        frontmatter._loader.cache_clear()
