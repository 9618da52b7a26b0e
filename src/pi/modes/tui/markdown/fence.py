"""Code in a fence that isn't closed yet: rows that are complete are coloured once, piece by piece."""

import re

_OPENING = re.compile(r"([ ]{0,3})(`{3,}|~{3,})(.*)")
CHUNK = 24  # rows that are coloured together; then they stay as they are until the fence closes


class OpenFence:
    """Reads the rows behind the opening line; `taken` are the characters of the source it has read."""

    def __init__(self, opening: str, taken: int):
        match = _OPENING.match(opening)
        indent, marker, info = match.groups() if match else ("", "```", "")
        self.info = info.strip()
        self.taken = taken
        self.rows: list[str] = []  # complete, and not given away yet
        self.closed = False
        self._indent = len(indent)
        self._marker = marker
        self._closing = re.compile(rf"[ ]{{0,3}}{re.escape(marker[0])}{{{len(marker)},}}[ \t]*$")

    def read(self, source: str) -> None:
        """Takes the complete rows of the source that are new, up to the closing one."""
        end = source.rfind("\n") + 1
        if end <= self.taken:
            return
        for row in source[self.taken : end - 1].split("\n"):
            if self._closing.match(row):
                self.closed = True
                return
            self.rows.append(self._stripped(row))
        self.taken = end

    def chunks(self) -> list[str]:
        """Rows that can be shown for good; they are no longer in `rows`."""
        out: list[str] = []
        while len(self.rows) > CHUNK:
            out.append("\n".join(self.rows[:CHUNK]))
            del self.rows[:CHUNK]
        return out

    def partial(self, source: str) -> str:
        """The row that is being written, unless it will close the fence."""
        row = source[self.taken :]
        return "" if row.strip() and not row.strip().strip(self._marker[0]) else self._stripped(row)

    def _stripped(self, row: str) -> str:
        spaces = len(row) - len(row.lstrip(" "))
        return row[min(spaces, self._indent) :]


def is_closed(rows: list[str]) -> bool:
    """Whether the last of a fence's rows closes it."""
    if len(rows) < 2:
        return False
    fence = OpenFence(rows[0], 0)
    fence.read(rows[-1] + "\n")
    return fence.closed
