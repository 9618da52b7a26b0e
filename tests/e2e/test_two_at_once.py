"""Several Pis write the same settings, logins, trust and secrets: nothing is lost, and it is always JSON."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pi.platform.locks import FileLock, LockedError

TIMES = 25
NAMES = "abc"

# Each writes its values number 0, 1, … into the agent directory, and says each number once it is saved.
BEGIN = """
import asyncio, sys
from pathlib import Path
agent, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def each(save):
    for number in range(times):
        save(number)
        print(number, flush=True)
"""
WRITERS = {
    "settings.json": """
from pi.harness.settings_writer import save_setting
each(lambda number: save_setting(agent / "settings.json", f"{name}.{number}", number))
""",
    "trust.json": """
from pi.harness.trust import save_trust
each(lambda number: save_trust(agent, Path(f"/{name}/{number}"), True))
""",
    "secrets.json": """
from pi.harness.extensions.secrets import Secrets
each(lambda number: Secrets(agent, name).set(f"key{number}", str(number)))
""",
    "auth.json": """
from pi.llm.oauth.store import save_tokens
from pi.llm.oauth.tokens import Tokens
each(lambda number: asyncio.run(save_tokens(agent / "auth.json", f"{name}{number}", Tokens(str(number)))))
""",
}
REFRESH = """
from pi.llm.oauth.store import fresh_tokens
from pi.llm.oauth.tokens import Tokens
from pi.platform.clock import now_ms
async def refresh(old):
    used = agent / f"used-{old.refresh}"
    used.open("x").close()  # a refresh token counts once
    await asyncio.sleep(0.01)
    return Tokens(f"access-{int(old.refresh) + 1}", str(int(old.refresh) + 1), now_ms() + 3_600_000)
async def refuse():
    for number in range(times):
        tokens = await fresh_tokens(agent / "auth.json", "oauth", refresh, refused=f"access-{number}")
        assert tokens.access != f"access-{number}"
asyncio.run(refuse())
"""


@contextmanager
def writer(agent: Path, code: str, name: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", BEGIN + code, str(agent), name, str(TIMES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


def read_until(path: Path, ended: Callable[[], bool]) -> int:
    """Read the file again and again, which has to be JSON each time; the result is how often."""
    times = 0
    while not ended():
        if path.exists():
            json.loads(path.read_bytes())
            times += 1
        time.sleep(0)
    return times


def check(file: str, content: Any, name: str, count: int) -> None:
    """Everything that a writer said it saved is there."""
    match file:
        case "settings.json":
            there = content[name]
            wanted = {str(number): number for number in range(count)}
        case "trust.json":
            there = content
            wanted = {f"/{name}/{number}": True for number in range(count)}
        case "secrets.json":
            there = content[name]
            wanted = {f"key{number}": str(number) for number in range(count)}
        case _:
            there = {key: login["access"] for key, login in content.items()}
            wanted = {f"{name}{number}": str(number) for number in range(count)}
    assert {key: there.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("file", WRITERS)
def test_what_several_write_at_once_is_all_there_and_valid_at_every_moment(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    with ExitStack() as stack:
        all_of_them = [stack.enter_context(writer(tmp_path, WRITERS[file], name)) for name in NAMES]
        assert read_until(path, lambda: all(process.poll() is not None for process in all_of_them)) > 0
        assert [process.returncode for process in all_of_them] == [0] * len(NAMES)

    for name in NAMES:
        check(file, json.loads(path.read_bytes()), name, TIMES)
    assert [found.name for found in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("file", WRITERS)
def test_those_that_are_killed_neither_block_the_others_nor_leave_anything(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    saved: dict[str, int] = {}
    chance = random.Random(file)
    for number in range(6):
        name = f"killed{number}"
        with writer(tmp_path, WRITERS[file], name) as killed:
            assert killed.stdout
            lines = [killed.stdout.readline() for _ in range(1 + number % 3)]
            with suppress(subprocess.TimeoutExpired):
                killed.wait(chance.uniform(0, 0.01))
            killed.kill()
            lines += killed.stdout.readlines()
        saved[name] = len([line for line in lines if line.endswith("\n")])
        try:
            with FileLock(path, wait_ms=0):
                pass
        except LockedError:  # it was killed before it could sign the lock: as if the time for that had passed
            os.utime(f"{path}.lock", (0, 0))
    with writer(tmp_path, WRITERS[file], "last") as last:
        assert last.wait(60) == 0

    content = json.loads(path.read_bytes())
    for name, count in {**saved, "last": TIMES}.items():
        check(file, content, name, count)
    if sys.platform != "win32":
        assert [found.name for found in tmp_path.iterdir()] == [file]


def test_a_refresh_token_is_used_once_however_many_ask(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    login = {"type": "oauth", "access": "access-0", "refresh": "0", "expires": 2**52}
    path.write_text(json.dumps({"oauth": login, "other": {"type": "api_key", "key": "k"}}))
    with ExitStack() as stack:
        all_of_them = [stack.enter_context(writer(tmp_path, REFRESH, name)) for name in NAMES]
        read_until(path, lambda: all(process.poll() is not None for process in all_of_them))
        assert [process.returncode for process in all_of_them] == [0] * len(NAMES)

    content = json.loads(path.read_bytes())
    assert (content["oauth"]["access"], content["other"]["key"]) == (f"access-{TIMES}", "k")
    assert len(list(tmp_path.glob("used-*"))) == TIMES
