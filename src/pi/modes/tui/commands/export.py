"""/export: the session's file to wherever people want it."""

import asyncio
import os
from pathlib import Path

from pi.harness.storage.transfer import export_jsonl, export_name, is_page
from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.paths import path_of
from pi.modes.tui.footer import short_path
from pi.modes.tui.panels.asking import Confirm
from pi.modes.tui.stage import Stage
from pi.modes.tui.theme.tokens import EXPORT
from pi.platform.errors import PiError


async def run(stage: Stage, args: str) -> None:
    """Write the session as JSONL, or as a page; without a path under its usual name into its folder."""
    source = saved_file(stage)
    cwd = stage.session.store.cwd
    target = path_of(args, cwd) if args.strip() else cwd
    if target.is_dir():
        target = target / export_name(source)
    overwrite = target.exists()
    if overwrite and not await stage.ask(
        Confirm(stage.keymap, "Overwrite the file?", f"{short_path(target)} is there already.")
    ):
        return
    if is_page(target):
        stage.working("Exporting…")
        try:
            await asyncio.to_thread(_page, stage, source, target, overwrite)
        finally:
            stage.working(None)
    else:
        await asyncio.to_thread(export_jsonl, source, target, overwrite=overwrite)
    stage.notify(f"Exported to {short_path(target)}")


def _page(stage: Stage, source: Path, target: Path, overwrite: bool) -> None:
    """The page, without what Pi knows to be secret and in the backgrounds of the theme."""
    from pi.harness.export.page import Colors
    from pi.harness.export.secrets import known_secrets
    from pi.harness.export.writing import export_html

    theme = stage.themes.current
    own = (theme.export.get(name, "") for name in EXPORT)
    export_html(
        source,
        target,
        leaf=stage.session.store.leaf,
        secrets=known_secrets(stage.agent_dir, os.environ),
        colors=Colors(theme.appearance, *own),
        overwrite=overwrite,
    )


def saved_file(stage: Stage) -> Path:
    """The session's file. Raises PiError where there is none."""
    path = stage.session.store.path
    if path is None:
        raise PiError(
            "This session is in memory only, so there is no file of it. Start Pi without --no-session."
        )
    if not path.exists():
        raise PiError("There is nothing in this session yet. Say something first.")
    return path


COMMAND = Command("export", "Write the session to a file", run, hint="[path]")
