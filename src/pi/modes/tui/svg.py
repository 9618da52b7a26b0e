"""A frame as SVG: snapshots in tests and the pictures of the README are made with it."""

from collections.abc import Sequence
from html import escape

from rich.style import Style
from rich.terminal_theme import MONOKAI

from pi.modes.tui.frame import Painted
from pi.modes.tui.lines import cells
from pi.modes.tui.paint import Painter

_CELL, _LINE, _FONT = 8.43, 18, 14  # px
_MARGIN = 12
_FAMILY = "DejaVu Sans Mono, Menlo, Consolas, monospace"


def svg(rows: Sequence[Painted], painter: Painter, width: int, *, foreground: str, background: str) -> str:
    """The rows, `width` cells wide, on the terminal's own colours ("#rrggbb")."""
    size = width * _CELL + 2 * _MARGIN, len(rows) * _LINE + 2 * _MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]:.0f}" height="{size[1]:.0f}" '
        f'viewBox="0 0 {size[0]:.0f} {size[1]:.0f}">',
        f'<rect width="100%" height="100%" rx="8" fill="{background}"/>',
        f'<g font-family="{_FAMILY}" font-size="{_FONT}" xml:space="preserve">',
    ]
    for number, row in enumerate(rows):
        at, top = 0, _MARGIN + number * _LINE
        for text, style, _ in painter.strip(row.line, row.fill, width):
            size_of = cells(text)
            front, back = _colours(style or Style(), foreground, background)
            if back != background:
                out.append(
                    f'<rect x="{_MARGIN + at * _CELL:.1f}" y="{top}" width="{size_of * _CELL:.1f}" '
                    f'height="{_LINE}" fill="{back}"/>'
                )
            if text.strip():
                out.append(_text(text, style or Style(), _MARGIN + at * _CELL, top + _FONT, size_of, front))
            at += size_of
    return "\n".join([*out, "</g>", "</svg>", ""])


def _text(text: str, style: Style, x: float, y: int, size: int, colour: str) -> str:
    looks = [
        word
        for word, on in (
            ('font-weight="bold"', style.bold),
            ('font-style="italic"', style.italic),
            ('text-decoration="underline"', style.underline),
            ('text-decoration="line-through"', style.strike),
            ('opacity="0.6"', style.dim),
        )
        if on
    ]
    return (
        f'<text x="{x:.1f}" y="{y}" textLength="{size * _CELL:.1f}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{colour}"{"".join(f" {look}" for look in looks)}>{escape(text)}</text>'
    )


def _colours(style: Style, foreground: str, background: str) -> tuple[str, str]:
    front, back = foreground, background
    if style.color is not None and not style.color.is_default:
        front = style.color.get_truecolor(MONOKAI).hex
    if style.bgcolor is not None and not style.bgcolor.is_default:
        back = style.bgcolor.get_truecolor(MONOKAI, foreground=False).hex
    return (back, front) if style.reverse else (front, back)
