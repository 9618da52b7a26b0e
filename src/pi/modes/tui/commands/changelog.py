"""/changelog: what is new in Pi."""

from pathlib import Path

from pi.modes.tui.commands.command import Command
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError


async def run(stage: Stage, args: str) -> None:
    """Show the changelog that came with this version."""
    from pi.modes.tui.blocks.notice import MarkdownBlock

    text = changelog().removeprefix("# Changelog").strip()
    stage.show(MarkdownBlock(text, "What is new"))


def changelog() -> str:
    """The changelog: that of an installed Pi lies in its package. Raises PiError where there is none."""
    import pi

    package = Path(pi.__file__).parent
    for path in (package / "CHANGELOG.md", package.parents[1] / "CHANGELOG.md"):
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            continue
    raise PiError("The changelog didn't come with this Pi.")


COMMAND = Command("changelog", "What is new in Pi", run)
