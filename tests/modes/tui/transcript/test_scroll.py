from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.lines import text_of
from pi.modes.tui.transcript.scroll import Transcript

LOOK = Look(Path("/"))


class Numbered(Block):
    """Lines that say whose they are; counts how often it was drawn."""

    def __init__(self, name, count, kind="user"):
        super().__init__()
        self.name, self.count, self.kind, self.drawn = name, count, kind, 0

    def lines(self, width, look):
        self.drawn += 1
        return [((f"{self.name}.{number}", ""),) for number in range(self.count)]

    def estimate(self, width):
        return self.count

    def grow(self, by):
        self.count += by
        self.touch()


def transcript(*counts, height=5):
    made = Transcript(LOOK)
    made.resize(20, height)
    for number, count in enumerate(counts):
        made.add(Numbered(chr(ord("a") + number), count))
    return made


def shown(made):
    return [text_of(row.line) for row in made.rows()]


def test_it_stays_at_the_end_while_it_grows():
    made = transcript(3, 3)
    assert shown(made) == ["a.1", "a.2", "", "b.0", "b.1", "b.2"][1:]
    made.blocks[-1].grow(2)
    assert shown(made) == ["b.0", "b.1", "b.2", "b.3", "b.4"]


def test_what_is_read_stays_where_it_is_while_the_end_grows():
    made = transcript(6, 6)
    made.scroll(-4)
    before = shown(made)
    made.blocks[-1].grow(50)
    made.add(Numbered("z", 9))
    assert shown(made) == before


def test_scrolling_down_to_the_end_follows_again():
    made = transcript(6, 6)
    made.scroll(-4)
    assert not made.following
    made.scroll(4)
    assert made.following
    made.blocks[-1].grow(1)
    assert shown(made)[-1] == "b.6"


def test_only_what_is_on_the_screen_is_drawn():
    made = transcript(*[4] * 26, height=6)
    made.rows()
    assert [block.name for block in made.blocks if block.drawn] == ["y", "z"]
    made.scroll(-6)
    made.rows()
    assert [block.name for block in made.blocks if block.drawn] == ["x", "y", "z"]


def test_a_block_that_has_not_changed_is_not_drawn_again():
    made = transcript(4, 4)
    for _ in range(5):
        made.rows()
    assert [block.drawn for block in made.blocks] == [0, 1]


def test_a_short_transcript_begins_at_the_top():
    made = transcript(2, height=4)
    assert shown(made) == ["a.0", "a.1", "", ""]
    made.scroll(-3)
    assert shown(made) == ["a.0", "a.1", "", ""]


def test_jumps_go_from_prompt_to_prompt():
    made = transcript(8, 8, 8)
    made.blocks[1].kind = "assistant"
    assert made.jump(-1) and shown(made)[0] == "c.0"
    assert made.jump(-1) and shown(made)[0] == "a.0"
    assert not made.jump(-1)
    assert made.jump(1) and shown(made)[0] == "c.0"
    assert not made.jump(1) and made.following


def test_another_width_keeps_the_block_on_top():
    made = transcript(9, 9, 9)
    made.to_top()
    made.scroll(12)
    assert shown(made)[0] == "b.2"
    made.resize(40, 5)
    assert shown(made)[1] == "b.0"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.lists(st.integers(-30, 30), max_size=12))
def test_scrolling_shows_what_a_whole_page_would(counts, steps):
    made = transcript(*counts, height=7)
    page = [text_of(line) for index in range(len(counts)) for line in made.lines_of(index)]
    page += [""] * (7 - len(page))
    top = len(page) - 7
    for step in steps:
        made.scroll(step)
        top = min(max(top + step, 0), len(page) - 7)
        assert shown(made) == page[top : top + 7]
