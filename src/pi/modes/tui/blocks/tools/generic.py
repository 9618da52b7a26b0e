"""How calls of all other tools are shown: the name, the arguments, the first lines of the result."""

import json
from typing import Any

from pi.modes.tui.blocks.layout import shown
from pi.modes.tui.blocks.tools.shape import Call, Renderer, prose
from pi.modes.tui.lines import Line, clean, clip

_MOST_ARGUMENT = 2000  # characters


def _title(call: Call) -> list[Line]:
    name = (clean(call.name) or "tool", "bold toolTitle")
    if not call.args:
        return [(name,)]
    if call.open:
        return [(name,), *(line for key, value in call.args.items() for line in _argument(key, value))]
    compact = " ".join(f"{clean(key)}={_json(value)}" for key, value in call.args.items())
    return [clip((name, ("  ", ""), (compact, "muted")), call.width)]


def _argument(key: str, value: Any) -> list[Line]:
    text = value if isinstance(value, str) else _json(value)
    first, *rest = text[:_MOST_ARGUMENT].split("\n")
    rows: list[Line] = [((f"{clean(key)}: ", "dim"), (shown(first), "muted"))]
    return rows + [(("  ", ""), (shown(row), "muted")) for row in rest]


def _json(value: Any) -> str:
    if isinstance(value, str):
        value = value[:_MOST_ARGUMENT]
    return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)[:_MOST_ARGUMENT])


RENDERER = Renderer(_title, prose, hang=2)
