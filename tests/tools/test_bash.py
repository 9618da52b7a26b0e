import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest

from pi.agent.tool import ToolContext, ToolError, ToolResult, text_result
from pi.llm.messages import Text
from pi.llm.models import Model
from pi.tools.bash import bash_tool, shell_argv

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells and signals")
MODEL = Model("m", "p", "openai-completions", "http://127.0.0.1")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


class Call:
    """One call of the tool: its result or its error, and the partial results on the way."""

    def __init__(self, cwd: Path, env: dict[str, str] | None = None, **options: Any) -> None:
        self.updates: list[ToolResult] = []
        self.times: list[float] = []
        self.first_text = asyncio.Event()
        self._context = ToolContext("call_1", cwd, MODEL, env or {}, self._update)
        self._tool = bash_tool(**options)

    def _update(self, result: ToolResult) -> None:
        self.updates.append(result)
        self.times.append(monotonic())
        if result.content:
            self.first_text.set()

    async def run(self, command: str, **arguments: Any) -> ToolResult:
        return await self._tool.run({"command": command, **arguments}, self._context)

    def text(self, command: str, **arguments: Any) -> str:
        result = asyncio.run(self.run(command, **arguments))
        assert isinstance(result.content[0], Text)
        return result.content[0].text

    def error(self, command: str, **arguments: Any) -> str:
        with pytest.raises(ToolError) as caught:
            asyncio.run(self.run(command, **arguments))
        return str(caught.value)


def alive(pid: int) -> bool:
    """Whether it runs; an orphan that nobody has reaped yet doesn't."""
    done = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() not in ("", "Z")


def test_the_declaration_has_the_recorded_schema_and_is_short():
    declaration = bash_tool().declaration
    assert declaration.parameters["required"] == ["command"]
    types = {name: schema["type"] for name, schema in declaration.parameters["properties"].items()}
    assert types == {"command": "string", "timeout": "number"}
    sent = {
        "name": declaration.name,
        "description": declaration.description,
        "parameters": declaration.parameters,
    }
    assert len(msgspec.json.encode({"type": "function", "function": sent})) <= 480


def test_output_is_the_result_and_was_shown_before(tmp_path: Path):
    call = Call(tmp_path)
    result = asyncio.run(call.run("cat file; echo $?; echo oops >&2; pwd"))
    text = f"cat: file: No such file or directory\n1\noops\n{tmp_path}\n"
    assert result == text_result(text)
    assert call.updates[0] == ToolResult(())
    assert msgspec.json.encode(call.updates[0]) == b'{"content":[]}'
    assert call.updates[-1] == text_result(text, {})


def test_a_silent_command_says_so_and_shows_nothing(tmp_path: Path):
    call = Call(tmp_path)
    assert call.text("true") == "(no output)"
    assert call.updates == [ToolResult(())]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("echo out; echo err >&2; exit 3", "out\nerr\n\n\nCommand exited with code 3"),
        ("exit 4", "(no output)\n\nCommand exited with code 4"),
        ("kill -9 $$", "(no output)\n\nCommand exited with code 137"),
        (
            "no-such-command",
            "/bin/bash: line 1: no-such-command: command not found\n\n\nCommand exited with code 127",
        ),
    ],
)
def test_a_failure_gives_the_output_and_the_code(tmp_path: Path, command: str, text: str):
    assert Call(tmp_path).error(command) == text


def test_a_time_out_gives_the_output_and_the_seconds(tmp_path: Path):
    call = Call(tmp_path)
    assert (
        call.error("echo begin; sleep 1000", timeout=0.3) == "begin\n\n\nCommand timed out after 0.3 seconds"
    )
    assert call.error("sleep 1000", timeout=0.05) == "Command timed out after 0.05 seconds"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_time_out_has_to_be_a_positive_number(tmp_path: Path, timeout: float):
    text = "Invalid timeout: must be a finite number of seconds"
    assert Call(tmp_path).error("touch ran", timeout=timeout) == text
    assert list(tmp_path.iterdir()) == []


def test_the_longest_time_out_is_that_of_a_javascript_timer(tmp_path: Path):
    assert (
        Call(tmp_path).error("true", timeout=2147483.648) == "Invalid timeout: maximum is 2147483.647 seconds"
    )
    assert Call(tmp_path).text("echo a", timeout=2147483.647) == "a\n"


def test_an_abort_kills_the_tree_and_keeps_the_output(tmp_path: Path):
    call = Call(tmp_path)

    async def main() -> str:
        task = asyncio.create_task(call.run("sleep 1000 & echo $!; setsid sleep 1000 & wait"))
        await call.first_text.wait()
        task.cancel()
        with pytest.raises(ToolError) as caught:
            await task
        return str(caught.value)

    text = asyncio.run(main())
    pid = int(text.split()[0])
    assert text == f"{pid}\n\n\nCommand aborted"
    assert not alive(pid)


def test_an_abort_without_output_says_only_that(tmp_path: Path):
    async def main() -> str:
        task = asyncio.create_task(Call(tmp_path).run("sleep 1000"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(ToolError) as caught:
            await task
        return str(caught.value)

    assert asyncio.run(main()) == "Command aborted"


def test_a_server_in_the_background_does_not_hold_the_call(tmp_path: Path):
    pid = int(Call(tmp_path).text("sleep 1000 & echo $!"))
    os.kill(pid, signal.SIGKILL)


def test_the_recorded_notice_of_many_lines_is_matched(tmp_path: Path, temporary: Path):
    call = Call(tmp_path)
    result = asyncio.run(call.run("seq 1 5000"))
    (file,) = temporary.iterdir()
    assert isinstance(result.content[0], Text)
    tail = "".join(f"{number}\n" for number in range(3001, 5001)).removesuffix("\n")
    assert result.content[0].text == f"{tail}\n\n[Showing lines 3001-5000 of 5000. Full output: {file}]"
    assert result.details["fullOutputPath"] == str(file)
    assert result.details["truncation"] == {
        "content": tail,
        "truncated": True,
        "truncatedBy": "lines",
        "totalLines": 5000,
        "totalBytes": 23893,
        "outputLines": 2000,
        "outputBytes": 9999,
        "lastLinePartial": False,
        "firstLineExceedsLimit": False,
        "maxLines": 2000,
        "maxBytes": 51200,
    }
    assert call.updates[-1] == text_result(tail, result.details)
    assert file.read_text() == "".join(f"{number}\n" for number in range(1, 5001))


def test_the_recorded_notice_of_many_bytes_is_matched(tmp_path: Path, temporary: Path):
    text = Call(tmp_path).error("for i in $(seq 1 1900); do printf '%040d\\n' $i; done; exit 2")
    (file,) = temporary.iterdir()
    output, notice, ending = text.rsplit("\n\n", 2)
    digest = hashlib.sha256(output.encode()).hexdigest()
    assert digest == "896f4c8abd813f199cff8d775785ab342d42b32288b1bea6b9c71fd70a645166"
    assert notice == f"[Showing lines 653-1900 of 1900 (50.0KB limit). Full output: {file}]"
    assert ending == "Command exited with code 2"


@pytest.mark.parametrize(("end", "size"), [("; echo", "0B"), ("", "195.3KB")])
def test_the_recorded_notice_of_one_huge_line_is_matched(
    tmp_path: Path, temporary: Path, end: str, size: str
):
    text = Call(tmp_path).text(f"head -c 200000 /dev/zero | tr '\\0' x{end}")
    (file,) = temporary.iterdir()
    notice = f"[Showing last 50.0KB of line 1 (line is {size}). Full output: {file}]"
    assert text == f"{'x' * 51200}\n\n{notice}"


def test_broken_and_split_utf8_is_replaced_and_joined(tmp_path: Path):
    command = r"printf '\xc3'; sleep 0.05; printf '\xa9\xff\xf0\x9f'; sleep 0.05; printf '\x98\x80\x00\xe2'"
    call = Call(tmp_path)
    assert call.text(command) == "é\ufffd😀\0\ufffd"
    assert call.updates[1] == text_result("", {})


def test_200_megabytes_pass_in_bounded_memory(tmp_path: Path, temporary: Path):
    code = (
        "import asyncio, resource; from pathlib import Path; from pi.agent.tool import ToolContext\n"
        "from pi.llm.models import Model; from pi.tools.bash import bash_tool\n"
        "context = ToolContext('c', Path.cwd(), Model('m', 'p', 'a', 'u'), {}, lambda update: None)\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "def run(size):\n"
        "    asyncio.run(bash_tool().run({'command': f'head -c {size} /dev/zero'}, context))\n"
        "run(1_000_000); before = peak(); run(200_000_000); print(peak() - before)"
    )
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert int(done.stdout) <= 4, "MiB more than for 1 MB"
    assert sorted(file.stat().st_size for file in temporary.iterdir()) == [1_000_000, 200_000_000]
    for file in temporary.iterdir():
        file.unlink()


def test_partial_results_keep_a_distance_of_100_ms(tmp_path: Path):
    call = Call(tmp_path)
    call.text("for i in $(seq 1 40); do echo $i; sleep 0.01; done")
    throttled = call.times[1:-1]  # the first is empty, the last comes with the end
    assert len(throttled) >= 2
    assert all(later - earlier >= 0.099 for earlier, later in pairwise(throttled))


def test_the_session_is_in_the_environment_and_that_of_an_outer_pi_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PI_SESSION_FILE", "outer")
    monkeypatch.setenv("PI_MODEL", "outer")
    monkeypatch.setenv("AI_AGENT", "pi")
    call = Call(tmp_path, {"PI_MODEL": "inner"})
    assert (
        call.text("env | grep -E '^(PI_MODEL|PI_SESSION|AI_AGENT)' | sort") == "AI_AGENT=pi\nPI_MODEL=inner\n"
    )


def test_the_prefix_comes_before_the_command(tmp_path: Path):
    call = Call(tmp_path, command_prefix="shopt -s expand_aliases\nalias hi='echo hello'")
    assert call.text("hi; echo $LINENO") == "hello\n3\n"


def test_the_shell_is_the_one_of_the_settings(tmp_path: Path):
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    shell.chmod(0o755)
    assert Call(tmp_path, shell_path=str(shell)).text("echo a") == "-c|echo a|"
    missing = str(tmp_path / "none")
    assert Call(tmp_path, shell_path=missing).error("true") == f"Custom shell path not found: {missing}"


def test_the_launcher_of_wsl_gets_the_script_on_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    launcher = tmp_path / "c:\\windows\\system32\\bash.exe"
    launcher.symlink_to("/bin/bash")
    assert shell_argv("echo $0", str(launcher)) == ([str(launcher), "-s"], b"echo $0")
    assert Call(tmp_path, shell_path=str(launcher)).text("echo $((6 * 7))") == "42\n"


def test_the_shell_is_bash_in_bin():
    assert shell_argv("x") == (["/bin/bash", "-c", "x"], None)


def test_a_missing_working_directory_is_named(tmp_path: Path):
    cwd = tmp_path / "gone"
    text = f"Working directory does not exist: {cwd}\nCannot execute bash commands."
    assert Call(cwd).error("true") == text


def test_a_command_that_cannot_be_started_is_an_error_of_the_tool(tmp_path: Path):
    assert Call(tmp_path).error("true\0") == "Cannot run this command: embedded null byte"
    assert Call(tmp_path).error(f": {'x' * 200_000}") == "Cannot run /bin/bash: Argument list too long"
