"""The command as people and scripts run it: prompts, streams of output, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import World

ASK = ("--model", "oai/m", "-p")


def test_the_answer_alone_goes_to_stdout(world: World) -> None:
    world.provider.script({"thinking": "hm", "text": "The answer\nin two lines"})

    done = world.run(*ASK, "Question")

    assert (done.returncode, done.stdout, done.stderr) == (0, "The answer\nin two lines\n", "")


def test_several_messages_are_prompts_in_order(world: World) -> None:
    world.provider.script({"text": "one"}, {"text": "two"})

    done = world.run(*ASK, "first", "second")

    asked = [request["body"]["messages"][-1]["content"][0]["text"] for request in world.provider.requests]
    assert (done.stdout, asked) == ("two\n", ["first", "second"])


def test_piped_text_and_files_stand_before_the_message(world: World) -> None:
    (world.project / "a.txt").write_text("A\n")

    world.run(*ASK, "@a.txt", "Explain", stdin="piped\n")

    path = world.project / "a.txt"
    sent = world.provider.requests[0]["body"]["messages"][-1]["content"][0]["text"]
    assert sent == f'piped<file name="{path}">\nA\n\n</file>\nExplain'


def test_two_dashes_end_the_options(world: World) -> None:
    world.run(*ASK, "--", "--not-an-option")

    assert world.provider.requests[0]["body"]["messages"][-1]["content"][0]["text"] == "--not-an-option"


def test_json_mode_writes_only_json_lines_and_no_error_sets_its_exit_code(world: World) -> None:
    world.settings(retry={"enabled": False})
    world.provider.script({"fault": {"kind": "http", "status": 400, "message": "no"}})

    done = world.run("--model", "oai/m", "--mode", "json", "Question")

    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert (done.returncode, kinds[0], kinds[-1]) == (0, "session", "agent_settled")


def test_an_answer_that_was_cut_is_printed_with_a_warning_and_a_failing_exit_code(world: World) -> None:
    world.provider.script({"text": "Half of", "stopReason": "length"})

    done = world.run(*ASK, "Question")

    assert (done.returncode, done.stdout) == (1, "Half of\n")
    assert "output limit" in done.stderr


def test_a_session_goes_on_where_it_was(world: World) -> None:
    world.provider.script({"text": "one"}, {"text": "two"})
    world.run(*ASK, "first")
    world.run("-c", "-p", "second")

    roles = [message["role"] for message in world.provider.requests[1]["body"]["messages"]]
    assert roles == ["developer", "user", "assistant", "user"]
    assert len(world.sessions()) == 1


def test_no_session_saves_nothing(world: World) -> None:
    world.run(*ASK, "--no-session", "Question")

    assert world.sessions() == []


def test_a_reader_that_goes_away_ends_the_run_quietly(world: World) -> None:
    world.provider.script({"text": "word " * 4000, "chunk": 5})
    pipeline = f"{' '.join(map(str, world.command('--model', 'oai/m', '--mode', 'json', 'Go')))} | head -1"

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", pipeline],
        cwd=world.project,
        env=world.env,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (141, "")
    assert json.loads(done.stdout)["type"] == "session"


def test_version_and_help_need_no_home_and_import_no_layer(tmp_path: Path) -> None:
    script = (
        "import sys; from pi.cli import main; code = main([sys.argv[1]]);"
        "heavy = {'asyncio', 'msgspec', 'json', 'httptools', 'pi.llm'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy or code else 0)"
    )
    for flag in ("--version", "--help"):
        done = subprocess.run(
            [sys.executable, "-c", script, flag], env={}, cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.strip()


def test_every_option_of_the_help_is_understood() -> None:
    from pi.cli.options import TABLE, parse

    for group in TABLE.values():
        for option in group:
            words = [option.long] if option.kind == "flag" else [option.long, "text"]
            if option.field in ("api_key", "models"):
                words += ["--model", "x"]
            assert parse(words).messages == []


def test_list_models_shows_those_that_can_be_used(world: World) -> None:
    done = world.run("--list-models", "oai")

    assert done.stdout.splitlines() == [
        "provider  model  context  max-out  thinking  images",
        "oai       m      128K     16.4K    yes       no    ",
    ]


@pytest.mark.parametrize("word", ["demo"])
def test_the_demo_mends_a_real_bug_with_real_tools(world: World, word: str) -> None:
    done = world.run(word)

    assert done.returncode == 0
    for line in (
        "Pi demo: the model is scripted (no AI, no key, no network); the tools, files and session are real.",
        "    | FAILED (failures=1)",
        "    | OK",
        "-    return full - full * discount",
        "+    return full - full * discount // 100",
    ):
        assert line in done.stdout.splitlines()
    assert world.sessions() == []
