"""/share: the session as a secret gist, through the program `gh`."""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from pi.harness.storage.transfer import export_jsonl, export_name
from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.export import saved_file
from pi.modes.tui.panels.asking import Confirm, Waiting
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError

_NOT_THERE = "Sharing needs GitHub's program gh, which isn't here. Install it from https://cli.github.com"
_LOGGED_OUT = "gh isn't logged in to GitHub. Run: gh auth login"
_WARNING = (
    "A secret gist isn't listed anywhere, but whoever has its link can read it. The session holds all "
    "that was said, with contents of files and outputs of commands; there may be passwords and keys among it."
)


async def run(stage: Stage, args: str) -> None:
    """Ask, upload, and tell the link."""
    source = saved_file(stage)
    gh = shutil.which("gh")
    if gh is None:
        raise PiError(_NOT_THERE)
    code, _ = await _run(gh, "auth", "status")
    if code:
        raise PiError(_LOGGED_OUT)
    if not await stage.ask(Confirm(stage.keymap, "Upload this session as a secret gist?", _WARNING)):
        return
    with TemporaryDirectory(prefix="pi-share-", ignore_cleanup_errors=True) as folder:
        file = Path(folder, export_name(source))
        await asyncio.to_thread(export_jsonl, source, file)
        answer = await _uploaded(stage, gh, file)
    if answer is None:
        stage.notify("Sharing was cancelled.")
        return
    code, said = answer
    link = next((word for word in reversed(said.split()) if word.startswith("https://")), None)
    if code or link is None:
        raise PiError(f"gh could not make the gist: {said.strip()[-500:] or f'it ended with code {code}'}")
    stage.notify(f"Shared: {link}")


async def _uploaded(stage: Stage, gh: str, file: Path) -> tuple[int, str] | None:
    """What gh said; None when people didn't want to wait."""
    panel = Waiting(stage.keymap, "Sharing", ["Uploading the session…"])
    waiting = asyncio.ensure_future(stage.ask(panel))
    upload = asyncio.ensure_future(_run(gh, "gist", "create", "--public=false", str(file)))
    try:
        await asyncio.wait((waiting, upload), return_when=asyncio.FIRST_COMPLETED)
        return upload.result() if upload.done() else None
    finally:
        panel.finish(None)
        upload.cancel()
        await asyncio.gather(waiting, upload, return_exceptions=True)


async def _run(*argv: str) -> tuple[int, str]:
    """Exit code and output of a program, which ends when nobody waits for it any more. Raises PiError."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise PiError(f"Can't start {argv[0]}: {error.strerror}.") from error
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode("utf-8", "replace")


COMMAND = Command("share", "Share the session as a secret gist", run)
