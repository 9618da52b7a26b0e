"""Summaries that stand for what the model no longer sees: of a compaction, of a branch that was left."""

from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.layout import Expandable, boxed, estimated, inner, inset, to_expand
from pi.modes.tui.blocks.prose import prose
from pi.modes.tui.lines import EMPTY, Line, wrap


class SummaryBlock(Expandable):
    """One line that opens to the whole summary."""

    kind = "summary"
    fill = "on:customMessageBg"

    def __init__(self, label: str, title: str, summary: str) -> None:
        super().__init__()
        self._label = label
        self._title = title
        self._summary = summary

    def lines(self, width: int, look: Look) -> list[Line]:
        room = inner(width, look)
        head: Line = (
            (f"[{self._label}]", "bold customMessageLabel"),
            (f" {self._title}", "customMessageText"),
        )
        if not self.is_open(look.expanded):
            return inset(wrap((*head, *to_expand()), room), look)
        body = prose(self._summary.strip("\n"), room, look, "customMessageText")
        return boxed([*wrap(head, room), EMPTY, *body], look)

    def estimate(self, width: int) -> int:
        return 1 if not self.is_open(self._general) else 4 + estimated(len(self._summary), width)

    def text(self) -> str:
        return f"[{self._label}] {self._title}\n{self._summary}"


class CompactionBlock(SummaryBlock):
    """The summary of everything before it, which had so many tokens."""

    def __init__(self, summary: str, tokens_before: int) -> None:
        super().__init__("compaction", f"Compacted from {tokens_before:,} tokens", summary)


class BranchSummaryBlock(SummaryBlock):
    """The summary of a branch that was left."""

    def __init__(self, summary: str) -> None:
        super().__init__("branch", "Summary of the branch that was left", summary)
