"""The arguments of a tool call while the model writes them: parsed now and then, never for each piece."""

from collections.abc import Callable

from pi.llm.partial_json import parse_partial_json
from pi.modes.tui.blocks.tool import ToolBlock

_EVERY_S = 0.1
_MOST = 20_000  # characters: beyond them nothing more can be seen before the call is complete


class PartialArguments:
    """Collects pieces of JSON for one block."""

    def __init__(self, block: ToolBlock, clock: Callable[[], float]):
        self._block = block
        self._clock = clock
        self._pieces: list[str] = []
        self._size = 0
        self._parsed_at = 0.0

    def add(self, piece: str) -> None:
        """One more piece."""
        self._pieces.append(piece)
        self._size += len(piece)
        now = self._clock()
        if now - self._parsed_at >= _EVERY_S and self._size <= _MOST:
            self._parsed_at = now
            self._pieces = ["".join(self._pieces)]
            self._block.arguments(parse_partial_json(self._pieces[0]), True)
