"""What is left on the normal screen when people have left: the end of the transcript, and how to go on."""

from rich.color import ColorSystem

from pi.modes.tui.interface import Interface
from pi.modes.tui.paint import Painter
from pi.modes.tui.terminal.exit_output import exit_output
from pi.modes.tui.terminal.title import RESTORE

_SCREENS = 3


def farewell(interface: Interface, painter: Painter, width: int, height: int) -> str:
    """The text, painted; nothing of a session in which nothing was said."""
    session = interface.session
    path = session.store.path
    kept = path is not None and path.exists()
    lines: list[str] = []
    if kept and session.setup.settings.get("fullscreenExitOutput") == "transcript":
        interface.transcript.resize(width, height * _SCREENS)
        interface.transcript.to_end()
        rows = interface.transcript.rows()
        strips = [painter.strip(row.line, row.fill, width) for row in rows if row.place is not None]
        lines = [
            "".join(
                style.render(text, color_system=ColorSystem.TRUECOLOR) if style else text
                for text, style, _ in strip
            )
            for strip in strips
        ]
    return RESTORE + exit_output(lines, height=height, session_id=session.store.id if kept else None)
