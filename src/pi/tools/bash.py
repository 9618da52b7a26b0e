"""bash: runs a shell command and shows the end of what it printed."""

import asyncio
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from msgspec import to_builtins

from pi.agent.output import MAX_BYTES, OutputTail, Truncation, format_size
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.agent.validation import number_text
from pi.platform.process import Exit, run
from pi.tools.effects import runs

_MAX_TIMEOUT_MS = 2_147_483_647
_UPDATE_S = 0.1
_SESSION_VARIABLES = ("PI_SESSION_ID", "PI_SESSION_FILE", "PI_PROVIDER", "PI_MODEL", "PI_REASONING_LEVEL")
_DESCRIPTION = (
    "Run a bash command in the working directory, in a new shell each time. Returns stdout and stderr: "
    "the last 2000 lines or 50KB, and if there was more, the path of a file with all of it."
)
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "description": "Shell command or script"},
        "timeout": {"type": "number", "description": "Seconds; no limit by default"},
    },
    "required": ["command"],
}


def bash_tool(*, shell_path: str | None = None, command_prefix: str | None = None) -> Tool:
    """The bash tool; `shell_path` replaces the shell, `command_prefix` is run before each command."""

    async def bash(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        command: str = arguments["command"]
        if command_prefix:
            command = f"{command_prefix}\n{command}"
        return await _Command(ctx).run(command, shell_path, arguments.get("timeout"))

    return Tool(
        name="bash",
        strict="prefer",
        description=_DESCRIPTION,
        parameters=_PARAMETERS,
        run=bash,
        effects=runs,
        hints=("destructive", "open_world"),
        snippet="Run shell commands (ls, grep, find, git, tests)",
        guidelines=("PI_* environment variables in bash tell the current model and session.",),
    )


def shell_argv(command: str, shell_path: str | None = None) -> tuple[list[str], bytes | None]:
    """The argv of a shell command, and what goes to stdin instead where the shell can't take an argument.

    Raises ToolError when `shell_path` or, on Windows, any bash is missing.
    """
    shell = _find_shell(shell_path)
    if shell.lower().replace("/", "\\").endswith(("\\system32\\bash.exe", "\\sysnative\\bash.exe")):
        return [shell, "-s"], command.encode()  # the launcher of WSL would expand variables in an argument
    return [shell, "-c", command], None


async def run_shell(
    command: str | Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_output: Callable[[bytes], None],
    shell_path: str | None = None,
) -> int:
    """Run a command of the user's and give its exit code; `env` is added to Pi's own environment.

    Raises ToolError when it can't be started.
    """
    argv, script = shell_argv(command, shell_path) if isinstance(command, str) else ([*command], None)
    return (await _execute(argv, script, cwd, env, on_output)).code


class _Command:
    """One command and what it has printed; partial results go out at most every 100 ms."""

    def __init__(self, ctx: ToolContext) -> None:
        self._ctx = ctx
        self._loop = asyncio.get_running_loop()
        self._output = OutputTail()
        self._dirty = False
        self._updated_at = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, command: str, shell_path: str | None, timeout: float | None) -> ToolResult:
        self._ctx.update(ToolResult(()))
        try:
            end = await self._execute(command, shell_path, timeout)
        except asyncio.CancelledError:
            text, _ = self._finish(empty="")
            raise ToolError(_with_status(text, "Command aborted")) from None
        except BaseException:  # whatever it is, the file of the output must be closed
            self._finish()
            raise
        if end.timed_out:
            text, _ = self._finish(empty="")
            raise ToolError(
                _with_status(text, f"Command timed out after {number_text(timeout or 0)} seconds")
            )
        text, details = self._finish(empty="(no output)")
        if end.code != 0:
            raise ToolError(_with_status(text, f"Command exited with code {end.code}"))
        return text_result(text, details) if details else text_result(text)

    async def _execute(self, command: str, shell_path: str | None, timeout: float | None) -> Exit:
        timeout_ms = _timeout_ms(timeout)
        argv, script = shell_argv(command, shell_path)
        ctx = self._ctx
        return await _execute(argv, script, ctx.cwd, ctx.env, self._received, timeout_ms)

    def _received(self, data: bytes) -> None:
        self._output.add(data)
        self._dirty = True
        if self._timer is None:
            delay = self._updated_at + _UPDATE_S - self._loop.time()
            if delay > 0:
                self._timer = self._loop.call_later(delay, self._update)
            else:
                self._update()

    def _update(self) -> None:
        self._timer = None
        if not self._dirty:
            return
        self._dirty = False
        self._updated_at = self._loop.time()
        cut = self._output.truncation()
        self._ctx.update(text_result(cut.content, self._details(cut)))

    def _finish(self, *, empty: str = "") -> tuple[str, dict[str, Any]]:
        """The output with a notice if it was cut, and its details."""
        if self._timer:
            self._timer.cancel()
        self._output.close()
        self._update()
        cut = self._output.truncation()
        text = cut.content or empty
        if cut.truncated:
            saved = self._output.path or f"not saved ({self._output.problem})"
            text += f"\n\n[{self._notice(cut)}. Full output: {saved}]"
        return text, self._details(cut)

    def _details(self, cut: Truncation) -> dict[str, Any]:
        if not cut.truncated:
            return {}
        details = {"truncation": to_builtins(cut)}
        return details | ({"fullOutputPath": str(self._output.path)} if self._output.path else {})

    def _notice(self, cut: Truncation) -> str:
        last = cut.total_lines
        if cut.last_line_partial:
            # The size counts from the last newline on: it is 0B for a line that has ended.
            line_size = format_size(self._output.open_line_bytes)
            return f"Showing last {format_size(cut.output_bytes)} of line {last} (line is {line_size})"
        limit = f" ({format_size(MAX_BYTES)} limit)" if cut.truncated_by == "bytes" else ""
        return f"Showing lines {last - cut.output_lines + 1}-{last} of {last}{limit}"


async def _execute(
    argv: list[str],
    script: bytes | None,
    cwd: Path,
    env: Mapping[str, str],
    on_output: Callable[[bytes], None],
    timeout_ms: float | None = None,
) -> Exit:
    if not cwd.exists():
        raise ToolError(f"Working directory does not exist: {cwd}\nCannot execute bash commands.")
    stdin = _script_file(script)
    try:
        return await run(
            argv, on_output=on_output, cwd=cwd, env=_environment(env), timeout_ms=timeout_ms, stdin=stdin
        )
    except OSError as error:
        raise ToolError(f"Cannot run {argv[0]}: {error.strerror}") from error
    except ValueError as error:
        raise ToolError(f"Cannot run this command: {error}") from error
    finally:
        if stdin:
            stdin.close()


def _with_status(text: str, status: str) -> str:
    return f"{text}\n\n{status}" if text else status


def _timeout_ms(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if not math.isfinite(seconds) or seconds <= 0:
        raise ToolError("Invalid timeout: must be a finite number of seconds")
    if seconds * 1000 > _MAX_TIMEOUT_MS:
        raise ToolError(f"Invalid timeout: maximum is {_MAX_TIMEOUT_MS / 1000} seconds")
    return seconds * 1000


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """Pi's own, without the session of a Pi around this one, and what the session adds."""
    own = {name: value for name, value in os.environ.items() if name not in _SESSION_VARIABLES}
    return own | dict(added)


def _script_file(script: bytes | None) -> IO[bytes] | None:
    if script is None:
        return None
    from tempfile import TemporaryFile

    file = TemporaryFile()  # noqa: SIM115 - closed by the caller; unlike a pipe it needs no waiting for a reader
    file.write(script)
    file.seek(0)
    return file


def _find_shell(shell_path: str | None) -> str:
    if shell_path:
        if not Path(shell_path).exists():
            raise ToolError(f"Custom shell path not found: {shell_path}")
        return shell_path
    if sys.platform == "win32":
        return _find_windows_bash()
    if Path("/bin/bash").exists():
        return "/bin/bash"
    from shutil import which

    return which("bash") or "sh"


def _find_windows_bash() -> str:
    from shutil import which

    roots = [os.environ[name] for name in ("PROGRAMFILES", "PROGRAMFILES(X86)") if name in os.environ]
    places = [f"{root}\\Git\\bin\\bash.exe" for root in roots]
    found = next((place for place in places if Path(place).exists()), None) or which("bash.exe")
    if found:
        return found
    looked = "\n".join(f"  {place}" for place in places)
    raise ToolError(
        "No bash shell found. Options:\n"
        "  1. Install Git for Windows: https://git-scm.com/download/win\n"
        "  2. Add your bash to PATH (Cygwin, MSYS2, etc.)\n"
        "  3. Set shellPath in settings.json\n\n"
        f"Searched Git Bash in:\n{looked}"
    )
