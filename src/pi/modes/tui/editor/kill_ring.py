"""Deleted text that can be put back, as in Emacs."""


class KillRing:
    """The last one is the next to be yanked."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def last(self) -> str:
        """What is yanked next; "" when there is nothing."""
        return self._texts[-1] if self._texts else ""

    def push(self, text: str, *, joined: bool, in_front: bool) -> None:
        """Text was deleted; `joined` with what was deleted right before, `in_front` of that or behind it."""
        if joined and self._texts:
            before = self._texts.pop()
            text = text + before if in_front else before + text
        self._texts.append(text)
        del self._texts[:-100]

    def rotate(self) -> None:
        """Another text comes next."""
        if self._texts:
            self._texts.insert(0, self._texts.pop())
