"""The original Pi and ours on one auth.json: opt-in, PI_TEST_ORIGINAL is the original's command line."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from pi.platform.clock import now_ms
from tests.e2e.conftest import World
from tests.llm.oauth.authority import Authority, authority

ORIGINAL = shlex.split(os.environ.get("PI_TEST_ORIGINAL", ""))
OURS = [sys.executable, "-m", "pi"]
MODEL = "kimi-coding/kimi-for-coding"

pytestmark = pytest.mark.skipif(
    not ORIGINAL, reason="opt-in: PI_TEST_ORIGINAL is the original's command line"
)


def start(world: World, server: Authority, command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*command, "--model", MODEL, "-p", "hello"],
        cwd=world.project,
        env={**world.env, "PI_TELEMETRY": "0", "KIMI_CODE_OAUTH_HOST": server.url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def prepare(world: World) -> None:
    world.write_models({"kimi-coding": {"baseUrl": f"http://127.0.0.1:{world.provider.port}"}})
    entry = {"type": "oauth", "access": "access-0", "refresh": "refresh-0", "expires": 1}
    (world.agent / "auth.json").write_text(json.dumps({"kimi-coding": entry}))


def make_due(world: World) -> None:
    path = world.agent / "auth.json"
    entries = json.loads(path.read_text())
    assert entries["kimi-coding"]["expires"] > now_ms()
    entries["kimi-coding"]["expires"] = 1
    path.write_text(json.dumps(entries))


def bearers(world: World) -> list[str]:
    return [request["headers"]["authorization"] for request in world.provider.requests]


def test_what_one_of_the_two_refreshes_the_other_uses(world: World) -> None:
    with authority() as server:
        prepare(world)
        for command in (OURS, ORIGINAL):
            assert said(start(world, server, command)) == "Fine.\n"
        assert server.refreshes() == 1
        make_due(world)
        for command in (ORIGINAL, OURS):
            assert said(start(world, server, command)) == "Fine.\n"
        assert server.refreshes() == 2
    assert bearers(world) == ["Bearer access-1"] * 2 + ["Bearer access-2"] * 2


def test_both_at_once_refresh_once(world: World) -> None:
    with authority() as server:
        prepare(world)
        processes = [start(world, server, command) for command in (OURS, ORIGINAL, OURS)]
        assert [said(process) for process in processes] == ["Fine.\n"] * 3
        assert server.refreshes() == 1
    assert bearers(world) == ["Bearer access-1"] * 3
