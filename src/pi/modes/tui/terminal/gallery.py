"""The pictures that the terminal has got: each is sent once, and shown by cells that name it."""

from collections.abc import Callable
from hashlib import blake2b

from pi.modes.tui.lines import Line


class Gallery:
    """Pictures of the Kitty protocol; `write` reaches the terminal before the next frame does."""

    def __init__(self, write: Callable[[str], None]):
        self._write = write
        self._sent: dict[tuple[bytes, int, int], list[Line]] = {}

    def lines(self, data: str, width: int, max_height: int) -> list[Line] | None:
        """The cells of a picture (base64); None for one that can't be shown."""
        from pi.modes.tui.terminal.images import fitting, kitty_upload, placeholder_lines

        key = (blake2b(data.encode(), digest_size=16).digest(), width, max_height)
        if (found := self._sent.get(key)) is not None:
            return found
        size = fitting(data, width, max_height)
        if size is None:
            return None
        number = len(self._sent) + 1
        sequence = kitty_upload(data, number, *size)
        if not sequence:
            return None
        self._write(sequence)
        made = self._sent[key] = placeholder_lines(number, *size)
        return made
