"""`pi doctor` finds what is wrong, says what to do about it, and gives no secret away."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pi.llm.local_servers import Candidate
from pi.modes.doctor import as_json, as_text, examine
from pi.modes.doctor.report import Check, Place

SECRET = "sk-very-secret"
GROUPS = [
    "Pi",
    "Files",
    "Keys",
    "Local servers",
    "Terminal",
    "Network",
    "Programs",
    "Sessions",
    "Project",
]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


class Home:
    """A user's folders and environment; `checks` are what the doctor finds there."""

    def __init__(self, root: Path):
        self.agent, self.project = root / "agent", root / "project"
        self.agent.mkdir(mode=0o700)
        self.project.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(root), "PI_CODING_AGENT_DIR": str(self.agent)}

    def write(self, name: str, value: Any, mode: int = 0o600) -> Path:
        path = self.agent / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        path.chmod(mode)
        return path

    def checks(self, *candidates: Candidate) -> list[Check]:
        return asyncio.run(examine(Place(self.project, self.env, candidates)))

    def of(self, group: str) -> dict[str, tuple[str, str]]:
        return {check.name: (check.status, check.text) for check in self.checks() if check.group == group}

    def advice(self, name: str) -> str:
        return next(check.advice for check in self.checks() if check.name == name and check.advice)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "pi", "doctor", *words],
            cwd=self.project,
            env=self.env | kept,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Home(tmp_path)


def test_a_fresh_installation_does_not_fail(home: Home) -> None:
    done = home.run()

    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line in GROUPS] == GROUPS
    assert "no key for any provider" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("No failures, ")


def test_a_folder_that_is_not_there_yet_is_no_fault(home: Home) -> None:
    home.agent.rmdir()

    assert home.of("Files") == {
        "folder": ("ok", f"{home.agent} isn't there yet: Pi makes it when it saves something")
    }


def test_a_broken_file_fails_with_line_and_column(home: Home) -> None:
    path = home.write("models.json", '{\n  "providers": {\n    broken\n}')

    status, text = home.of("Files")["models.json"]
    done = home.run("--json")

    assert (status, text.startswith(f"{path}, line 3, column 5: ")) == ("fail", True)
    assert (done.returncode, json.loads(done.stdout)["failed"]) == (1, 1)


def test_a_file_that_holds_no_object_fails(home: Home) -> None:
    path = home.write("trust.json", "[]")

    assert home.of("Files")["trust.json"] == ("fail", f"{path} must hold a JSON object")


def test_entries_that_are_passed_over_are_told(home: Home) -> None:
    home.write("auth.json", {"openai": {"type": "api_key", "key": 7}})
    home.write("models.json", {"providers": {"mine": {"models": [{"id": "m"}]}}})

    found = home.of("Files")

    assert found["auth.json"][0] == found["models.json"][0] == "warn"
    assert 'entry "openai" is ignored' in found["auth.json"][1]
    assert '"api" is missing' in found["models.json"][1]


@posix
def test_files_that_others_can_read_are_told_with_the_command_that_closes_them(home: Home) -> None:
    path = home.write("auth.json", {}, mode=0o644)
    home.agent.chmod(0o755)

    assert home.of("Files")["auth.json"] == ("warn", f"{path} can be read by other users")
    assert (home.advice("auth.json"), home.advice("folder")) == (
        f"chmod 600 {path}",
        f"chmod 700 {home.agent}",
    )


def test_keys_are_told_by_their_origin_and_never_shown(home: Home) -> None:
    home.write(
        "auth.json",
        {
            "openai": {"type": "api_key", "key": SECRET},
            "groq": {"type": "api_key", "key": f"!touch {home.project}/ran; echo {SECRET}"},
            "zai": {"type": "api_key", "key": "$NOT_THERE"},
            "anthropic": {"type": "oauth", "access": SECRET, "refresh": SECRET, "expires": 1},
            "deepseek": {"type": "api_key", "key": "${OWN}", "env": {"OWN": SECRET}},
        },
    )
    models = [{"id": "m"}]
    common = {"baseUrl": "http://127.0.0.1:9", "api": "openai-completions", "models": models}
    home.write("models.json", {"providers": {"mine": common | {"apiKey": f"$A-{SECRET}"}, "bare": common}})
    home.env |= {"GEMINI_API_KEY": SECRET, "ZAI_API_KEY": SECRET, "A": "a"}

    keys = [
        (check.name, check.status, check.text)
        for check in home.checks()
        if check.group == "Keys" and check.name != "model"
    ]

    assert keys == [
        ("openai", "ok", "from auth.json"),
        ("groq", "ok", "from a command in auth.json, which isn't run here"),
        ("zai", "warn", "auth.json takes it from NOT_THERE, not set"),
        ("zai", "ok", "from the environment, ZAI_API_KEY"),
        ("anthropic", "warn", "auth.json has a login that Pi itself can't renew, and it has expired"),
        ("deepseek", "ok", "from auth.json, which names ${OWN}"),
        ("mine", "ok", "from models.json"),
        ("bare", "warn", "in models.json without a key"),
        ("google", "ok", "from the environment, GEMINI_API_KEY"),
    ]
    done, also = home.run(), home.run("--json")
    assert SECRET not in done.stdout + done.stderr + also.stdout + also.stderr
    assert not (home.project / "ran").exists()


def test_the_model_that_would_answer_is_named(home: Home) -> None:
    home.env["OPENAI_API_KEY"] = SECRET
    home.write("settings.json", {"defaultProvider": "openai", "defaultModel": "gpt-6.1-sol"})

    assert home.of("Keys")["model"] == ("ok", "without --model answers openai/gpt-6.1-sol")


@posix
def test_the_original_before_us_on_path_is_told(home: Home, tmp_path: Path) -> None:
    bin = tmp_path / "bin"
    bin.mkdir()
    for name, text in {"pi": "#!/usr/bin/env node\n", "pi-harness": "#!/bin/sh\n"}.items():
        (bin / name).write_text(text)
        (bin / name).chmod(0o755)
    home.env["PATH"] = str(bin)

    found = home.of("Pi")

    assert found["pi"] == ("warn", f"{bin / 'pi'} is the original, a Node program")
    assert found["pi-harness"] == ("warn", f"{bin / 'pi-harness'} is another program")
    assert "pi-harness" in home.advice("pi")


@posix
def test_our_own_command_is_known_again(home: Home, tmp_path: Path) -> None:
    command = tmp_path / "pi"
    command.write_text(f"#!{sys.executable}\nfrom pi.cli import main\n")
    command.chmod(0o755)
    home.env["PATH"] = str(tmp_path)

    assert home.of("Pi")["pi"] == ("ok", f"{command} is this one")
    assert home.of("Pi")["pi-harness"] == ("warn", "not on PATH")


def test_a_local_server_is_told_with_its_models(home: Home) -> None:
    async def main() -> list[Check]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = json.dumps({"data": [{"id": f"m{number}"} for number in range(7)]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        checks = await examine(Place(home.project, home.env, (Candidate("vLLM", "vllm", port),)))
        server.close()
        return [
            Check(check.name, check.status, check.text.replace(str(port), "PORT"))
            for check in checks
            if check.group == "Local servers"
        ]

    text = "http://127.0.0.1:PORT/v1: m0, m1, m2, m3, m4 and 2 more"
    assert asyncio.run(main()) == [Check("vLLM", "ok", text)]


def test_behind_a_proxy_nobody_is_asked_and_no_password_is_shown(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        port = proxy.getsockname()[1]
        url = f"http://user:{SECRET}@127.0.0.1:{port}"
        monkeypatch.setenv("HTTP_PROXY", url)
        home.env |= {"HTTP_PROXY": url, "ALL_PROXY": f"socks5://u:{SECRET}@there:1"}

        checks = home.checks(Candidate("Ollama", "ollama", 11434))

        with pytest.raises(BlockingIOError):
            proxy.accept()
    found = {(check.group, check.name): (check.status, check.text) for check in checks}
    assert found["Local servers", "all"][0] == "warn"
    assert found["Network", "HTTP_PROXY"] == ("ok", f"http://127.0.0.1:{port}")
    assert found["Network", "ALL_PROXY"][0] == "fail"
    assert SECRET not in as_text(checks) + as_json(checks)


def test_what_an_untrusted_project_brings_is_told_and_left_out(home: Home) -> None:
    (home.project / ".pi" / "prompts").mkdir(parents=True)
    (home.project / ".pi" / "prompts" / "fix.md").write_text("Fix it")
    (home.project / "AGENTS.md").write_text("Be kind.")

    before = home.of("Project")
    home.write("trust.json", {str(home.project.resolve()): True})
    after = home.of("Project")

    assert before == {
        "trust": ("warn", "not trusted, so left out: prompts"),
        "context": ("ok", str(home.project / "AGENTS.md")),
        "skills": ("ok", "none"),
        "prompts": ("ok", "none"),
    }
    assert after == before | {"trust": ("ok", "trusted, so used: prompts"), "prompts": ("ok", "/fix")}


def test_a_sessions_folder_that_cannot_be_made_fails(home: Home) -> None:
    home.write("sessions", "I am a file")

    assert home.of("Sessions")["folder"] == (
        "fail",
        f"{home.agent / 'sessions'} isn't a writable folder",
    )


def test_a_shell_that_is_not_there_fails(home: Home) -> None:
    home.write("settings.json", {"shellPath": "/nowhere/bash"})

    assert home.of("Programs")["bash"][0] == "fail"


def test_unknown_words_are_refused_and_help_helps(home: Home) -> None:
    wrong = home.run("--fix")

    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("Error: pi doctor doesn't know --fix.")
    assert home.run("--help").stdout.startswith("Usage: pi doctor")
