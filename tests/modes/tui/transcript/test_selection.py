from pi.modes.tui.transcript.scroll import Place
from pi.modes.tui.transcript.search import Search
from pi.modes.tui.transcript.selection import Point, Selection, mark
from tests.modes.tui.transcript.test_scroll import Numbered, transcript


class Said(Numbered):
    def __init__(self, *lines):
        super().__init__("said", len(lines))
        self.said = lines

    def lines(self, width, look):
        return [((f" {line}  ", ""),) for line in self.said]

    def text(self):
        return "\n".join(self.said)


def said(*blocks):
    made = transcript(height=6)
    for lines in blocks:
        made.add(Said(*lines))
    return made


def test_a_selection_over_blocks_is_copied_without_what_only_fills():
    made = said(["first line", "  second"], ["third"])
    selection = Selection(made)
    selection.begin(Point(Place(0, 0), 0))
    assert not selection
    selection.extend(Point(Place(1, 1), 30))
    assert selection.text() == "first line\n  second\n\nthird"


def test_a_selection_within_a_line_counts_cells():
    made = said(["漢字 abc"])
    selection = Selection(made)
    selection.begin(Point(Place(0, 0), 5))
    selection.extend(Point(Place(0, 0), 3))
    assert selection.text() == "字"
    selection.word(Point(Place(0, 0), 7))
    assert selection.text() == "abc"
    selection.line(Point(Place(0, 0), 7))
    assert selection.text() == "漢字 abc"


def test_marking_changes_the_style_of_cells_alone():
    assert mark((("abcd", "bold"), ("ef", "")), 2, 5, "reverse") == (
        ("ab", "bold"),
        ("cd", "bold reverse"),
        ("e", " reverse"),
        ("f", ""),
    )


def test_a_search_finds_all_places_and_begins_with_the_newest():
    made = said(["one Two", "two two"], ["nothing"], ["Two"])
    search = Search(made)
    search.find("two")
    assert [(m.place, m.start, m.end) for m in search.matches] == [
        (Place(0, 0), 5, 8),
        (Place(0, 1), 1, 4),
        (Place(0, 1), 5, 8),
        (Place(2, 1), 1, 4),
    ]
    assert search.chosen == 3
    search.step(1)
    assert search.chosen == 0


def test_blocks_without_the_text_are_not_drawn_for_a_search():
    made = said(*([f"block {number}"] for number in range(200)))
    drawn = []
    for block in made.blocks:
        block.lines = lambda width, look, block=block: drawn.append(block) or [(("x", ""),)]
    Search(made).find("nowhere")
    assert drawn == []
