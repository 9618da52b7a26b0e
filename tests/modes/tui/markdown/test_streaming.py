"""Streams of Markdown end as the whole text would, however it was cut."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pi.modes.tui.lines import width_of
from pi.modes.tui.markdown.render import markdown
from pi.modes.tui.markdown.streaming import MarkdownStream

DOCUMENT = """# Title

Some **bold *and* text** with `code`, [a link](https://example.com) and $\\alpha^2$:
- one
- two
  with more

  1. inner
  2. inner
- [x] three

7. seven
8. eight

   - deep

     ```python
     x = 1
     ```

> quoted
> - in

```python
def f(x):
    \"\"\"Text
    of several lines.\"\"\"
    return x  # done

```

| a | b |
|---|--:|
| `x` | 2 |

<!-- hidden

-->
Setext
---
    code

***
[label]: https://example.com/later
Last with[label].
"""
PIECES = st.sampled_from(
    [
        *(
            "a",
            "word ",
            "漢字",
            "**b**",
            "*",
            "`",
            "``",
            "```",
            "~~~",
            "```py\n",
            "~~x~~",
            "$x^2$",
            "[l](u)",
            "[l]",
        ),
        *(
            "\n",
            "\n",
            "\n\n",
            "\n\n",
            " ",
            "  ",
            "    ",
            "\t",
            "- ",
            "+ ",
            "* ",
            "1. ",
            "2) ",
            "12. ",
            "> ",
            "# ",
        ),
        *(
            "---",
            "===",
            "| a | b |\n",
            "|---|---|\n",
            "| 1 ",
            "<!--",
            "-->",
            "<b>",
            "<div>\n",
            "[l]: /u\n",
            "\\",
        ),
        *("\r", "\r\n", "\x1b[31m", "- [ ] t\n", "- a\n", "  - b\n", "1. a\n", "def f(): 'x'\n", '"""\n'),
    ]
)
DOCUMENTS = st.lists(PIECES, max_size=30).map("".join)


def streamed(parts, width):
    stream = MarkdownStream()
    for part in parts:
        stream.feed(part)
        for line in stream.lines(width):
            assert width_of(line) <= width
    stream.finish()
    return stream.lines(width)


def pieces_of(text, cuts):
    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(at)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("width", [24, 80])
def test_a_stream_ends_as_the_whole_document(size, width):
    parts = [DOCUMENT[at : at + size] for at in range(0, len(DOCUMENT), size)]
    assert streamed(parts, width) == markdown(DOCUMENT, width)


@given(DOCUMENTS, st.lists(st.integers(0, 1000), max_size=12))
@settings(max_examples=400, deadline=None)
@example("- a | b\n- c | d\n|---|---|\n", [8])
@example("- a\n\n  b\n\n\n- c\n", [4, 5, 9, 10])
def test_any_document_cut_anywhere_ends_as_the_whole(source, cuts):
    assert streamed(pieces_of(source, cuts), 40) == markdown(source, 40)


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_any_document_that_comes_by_characters_ends_as_the_whole(source):
    assert streamed(source, 30) == markdown(source, 30)


@given(DOCUMENTS, st.lists(st.integers(0, 1000), max_size=8))
@settings(max_examples=150, deadline=None)
def test_lines_before_the_changed_ones_stay_the_same_objects(source, cuts):
    stream = MarkdownStream()
    before = []
    for part in pieces_of(source, cuts):
        stream.feed(part)
        lines = stream.lines(40)
        assert all(a is b for a, b in zip(before[: stream.changed], lines[: stream.changed], strict=True))
        before = list(lines)
