"""Searching the transcript: where a text stands in what is shown."""

from typing import NamedTuple

from pi.modes.tui.lines import cells, text_of
from pi.modes.tui.transcript.scroll import Place, Transcript

MOST = 5_000  # places that are found at most


class Match(NamedTuple):
    """A place, and from which to before which cell."""

    place: Place
    start: int
    end: int


class Search:
    """One search while it is open: the matches from the oldest to the newest, and which one is chosen."""

    def __init__(self, transcript: Transcript):
        self._transcript = transcript
        self.query = ""
        self.matches: list[Match] = []
        self.chosen = -1
        self._by_place: dict[Place, list[Match]] = {}

    def find(self, query: str) -> None:
        """Look for another text; the newest match is chosen."""
        self.query = query
        self.matches = []
        wanted = query.casefold()
        if wanted.strip():
            words = wanted.split()
            for index, block in enumerate(self._transcript.blocks):
                held = block.text().casefold()
                if all(word in held for word in words):  # else drawing it would be for nothing
                    self._look_in(index, wanted)
                if len(self.matches) >= MOST:
                    break
        self._by_place = {}
        for match in self.matches:
            self._by_place.setdefault(match.place, []).append(match)
        self._choose(len(self.matches) - 1)

    def step(self, by: int) -> None:
        """Choose the next match, or the one before (-1), around the ends."""
        if self.matches:
            self._choose((self.chosen + by) % len(self.matches))

    def on(self, place: Place) -> list[tuple[Match, bool]]:
        """The matches on a line, and which of them is the chosen one."""
        found = self._by_place.get(place, ())
        return [(match, match is self.matches[self.chosen]) for match in found]

    def _choose(self, index: int) -> None:
        self.chosen = index
        if index >= 0:
            self._transcript.show(self.matches[index].place)

    def _look_in(self, index: int, wanted: str) -> None:
        for number, line in enumerate(self._transcript.lines_of(index)):
            text = text_of(line)
            folded = text.casefold()
            if len(folded) != len(text):  # folding made it longer: places would be wrong
                folded = text.lower() if len(text.lower()) == len(text) else text
            at = folded.find(wanted)
            while at >= 0:
                start = cells(text[:at])
                end = start + cells(text[at : at + len(wanted)])
                self.matches.append(Match(Place(index, number), start, end))
                at = folded.find(wanted, at + len(wanted))
