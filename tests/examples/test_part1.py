import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pi.agent.tool import ToolResult
from pi.harness.storage.entries import CompactionEntry, MessageEntry
from pi.llm.messages import AssistantMessage, ToolCall, ToolResultMessage, UserMessage, content_text
from pi.sdk import Session
from pi.testing import Reply, ScriptedModel, ScriptedUI, call
from tests.examples.running import EXAMPLES, lab, press, say, session_with

posix = pytest.mark.skipif(sys.platform == "win32", reason="runs shell commands")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit of one file, at the place of the session's project."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Tess")
    git(folder, "config", "user.email", "tess@example.com")
    (folder / "a.txt").write_text("committed\n")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def results(session: Session) -> list[str]:
    """What the model read of its calls."""
    return [content_text(m.content) for m in session.messages if isinstance(m, ToolResultMessage)]


def user_entry(session: Session, text: str) -> str:
    """The entry of what the user said."""
    for entry in session.store.entries("message"):
        match entry:
            case MessageEntry(id=id, message=UserMessage(content=content)) if content_text(content) == text:
                return id
            case _:
                pass
    raise AssertionError(text)


def prompt_of(model: ScriptedModel, request: int = -1) -> str:
    return model.asked[request].context.system


def tools_of(model: ScriptedModel, request: int = -1) -> list[str]:
    return [tool.name for tool in model.asked[request].context.tools]


# permission_gate


@posix
def test_a_dangerous_command_runs_only_when_the_user_says_yes(tmp_path):
    async def main():
        ui = ScriptedUI("No", "Yes, once")
        remove = [call("bash", command="rm -rf victim") for _ in range(2)]
        model = ScriptedModel(remove[0], "As you like.", call("bash", command="ls"), remove[1], "Gone.")
        async with session_with("permission_gate", model, tmp_path, ui=ui) as session:
            victim = session.store.cwd / "victim"
            victim.mkdir()
            await say(session, "clean up")
            assert victim.exists()
            await say(session, "do it")
            assert not victim.exists()
        assert [question.title for question in ui.asked] == ["Run this command?\n\nrm -rf victim"] * 2
        assert results(session)[0] == "The user doesn't want this command. Ask what to do instead."

    asyncio.run(main())


@posix
def test_a_command_that_is_allowed_from_now_on_is_asked_about_once(tmp_path):
    async def main():
        ui = ScriptedUI("Yes, this command from now on")
        twice = [call("bash", command="rm -f a b") for _ in range(2)]
        async with session_with(
            "permission_gate", ScriptedModel(*twice, "Done."), tmp_path, ui=ui
        ) as session:
            await say(session, "remove them")
        assert len(ui.asked) == 1

    asyncio.run(main())


@posix
def test_where_nobody_can_answer_dangerous_commands_are_refused(tmp_path):
    async def main():
        calls = [
            call("bash", command=c) for c in ("echo hi > kept; rm -rf kept", "terraform  apply", "echo fine")
        ]
        settings = {"patterns": [r"\bterraform\s+apply\b"]}
        model = ScriptedModel(*calls, "Done.")
        async with session_with("permission_gate", model, tmp_path, settings=settings) as session:
            await say(session, "go")
        refused = "This command needs the user's consent, and nobody is there. Find a safer way."
        assert results(session) == [refused, refused, "fine\n"]

    asyncio.run(main())


# protected_paths


@posix
def test_protected_files_stay_as_they_are_also_behind_links(tmp_path):
    async def main():
        ui = ScriptedUI()
        paths = [".env", ".git/config", "innocent.txt", "src/app.py"]
        calls = tuple(ToolCall(f"c{i}", "write", {"path": p, "content": "x"}) for i, p in enumerate(paths))
        async with session_with(
            "protected_paths", ScriptedModel(Reply(calls=calls), "Done."), tmp_path, ui=ui
        ) as session:
            folder = session.store.cwd
            (folder / ".env").write_text("KEY=1")
            (folder / "innocent.txt").symlink_to(folder / ".env")
            await say(session, "write")
            assert (folder / ".env").read_text() == "KEY=1"
            assert not (folder / ".git").exists()
            assert (folder / "src/app.py").read_text() == "x"
        assert [text.endswith("or ask the user to change it.") for text in results(session)] == [True] * 3 + [
            False
        ]
        assert [kind for kind, _ in ui.notices] == ["warning"] * 3

    asyncio.run(main())


def test_the_setting_says_which_names_are_protected_and_nobody_need_be_there(tmp_path):
    async def main():
        calls = [call("write", path=path, content="x") for path in ("uv.LOCK", ".env")]
        settings = {"names": ["*.lock"]}
        async with session_with(
            "protected_paths", ScriptedModel(*calls, "Done."), tmp_path, settings=settings
        ) as session:
            await say(session, "write")
            assert sorted(path.name for path in session.store.cwd.iterdir()) == [".env"]

    asyncio.run(main())


# confirm_destructive


def test_a_session_is_left_only_when_the_user_says_so(tmp_path):
    async def main():
        ui = ScriptedUI(False, False, True)
        async with session_with("confirm_destructive", ScriptedModel("Hello."), tmp_path, ui=ui) as session:
            first = session.store.id
            await say(session, "hi")
            assert await session.tree.new() is False
            assert (await session.tree.fork(user_entry(session, "hi"))).cancelled
            assert session.store.id == first
            assert await session.tree.new() is True
            second = session.store.id
            assert second != first
            assert await session.tree.new() is True  # nothing was said: no question
        assert [question.kind for question in ui.asked] == ["confirm"] * 3
        assert ui.notices == [("info", "You are still in the same session.")] * 2

    asyncio.run(main())


def test_where_nobody_can_answer_sessions_may_be_left(tmp_path):
    async def main():
        async with session_with("confirm_destructive", ScriptedModel("Hello."), tmp_path) as session:
            await say(session, "hi")
            assert not (await session.tree.fork(user_entry(session, "hi"))).cancelled
            assert await session.tree.new() is True

    asyncio.run(main())


# dirty_repo_guard


def test_a_session_with_uncommitted_changes_is_kept_until_they_are_committed(repo, tmp_path):
    async def main():
        async with session_with("dirty_repo_guard", None, tmp_path) as session:
            (repo / "new.txt").write_text("new")
            assert await session.tree.new() is False  # nobody can answer: the careful way
            git(repo, "add", "--all")
            git(repo, "commit", "-q", "-m", "two")
            assert await session.tree.new() is True

    asyncio.run(main())


def test_the_user_may_leave_uncommitted_changes_behind(repo, tmp_path):
    async def main():
        ui = ScriptedUI("Stay, I'll commit first", None, "Go on all the same")
        async with session_with("dirty_repo_guard", None, tmp_path, ui=ui) as session:
            (repo / "a.txt").write_text("changed")
            assert [await session.tree.new() for _ in range(3)] == [False, False, True]
        assert ui.asked[0].title == "1 file has uncommitted changes. Leave this session?"
        assert ui.notices == [("warning", "1 file has uncommitted changes. Commit or stash them first.")] * 2

    asyncio.run(main())


def test_outside_of_a_repository_the_guard_has_no_opinion(tmp_path):
    async def main():
        async with session_with("dirty_repo_guard", None, tmp_path) as session:
            (session.store.cwd / "a.txt").write_text("x")
            assert await session.tree.new() is True

    asyncio.run(main())


# git_checkpoint


def two_runs() -> ScriptedModel:
    return ScriptedModel(
        call("write", path="a.txt", content="first\n"),
        "Once.",
        Reply(
            calls=(
                ToolCall("w1", "write", {"path": "a.txt", "content": "second\n"}),
                ToolCall("w2", "write", {"path": "b.txt", "content": "new\n"}),
            )
        ),
        "Twice.",
    )


def test_a_fork_can_have_the_files_as_they_were_then(repo, tmp_path):
    async def main():
        ui = ScriptedUI(True)
        async with session_with("git_checkpoint", two_runs(), tmp_path, ui=ui) as session:
            (repo / ".gitignore").write_text("a.txt\n")  # it is in the repository all the same
            (repo / "staged.txt").write_text("staged\n")
            git(repo, "add", "staged.txt")
            before = git(repo, "rev-parse", "HEAD"), git(repo, "diff", "--cached", "--name-status")
            await say(session, "one")
            (repo / "mine.txt").write_text("the user's own\n")
            await say(session, "two")
            await session.tree.fork(user_entry(session, "two"))
            assert {path.name: path.read_text() for path in repo.iterdir() if path.is_file()} == {
                ".gitignore": "a.txt\n",
                "a.txt": "first\n",
                "staged.txt": "staged\n",
                "mine.txt": "the user's own\n",
            }
            assert (git(repo, "rev-parse", "HEAD"), git(repo, "diff", "--cached", "--name-status")) == before
            saved = ui.notices[-1][1].split()[-1].rstrip(".")
            assert git(repo, "show", f"{saved}:b.txt") == "new"  # what was put away can be had again
        assert [question.title for question in ui.asked] == ["Put the files back too?"]
        assert not list((tmp_path / "agent/cache").rglob("*.index"))

    asyncio.run(main())


def test_files_stay_when_the_user_says_no_or_nobody_is_there(repo, tmp_path):
    async def main():
        for ui in (ScriptedUI(False), None):
            async with session_with("git_checkpoint", two_runs(), tmp_path, ui=ui) as session:
                await say(session, "one")
                await say(session, "two")
                await session.tree.fork(user_entry(session, "two"))
                assert (repo / "a.txt").read_text() == "second\n"

    asyncio.run(main())


def test_a_fork_where_nothing_differs_asks_nothing(repo, tmp_path):
    async def main():
        ui = ScriptedUI()
        async with session_with("git_checkpoint", ScriptedModel("Hello."), tmp_path, ui=ui) as session:
            await say(session, "hi")
            await session.tree.clone()
        assert ui.asked == []

    asyncio.run(main())


def test_without_a_repository_nothing_is_kept_and_nothing_fails(tmp_path):
    async def main():
        ui = ScriptedUI()
        async with session_with("git_checkpoint", two_runs(), tmp_path, ui=ui) as session:
            await say(session, "one")
            await say(session, "two")
            await session.tree.fork(user_entry(session, "two"))
        assert ui.asked == []

    asyncio.run(main())


# plan_mode


@posix
def test_in_plan_mode_nothing_can_be_changed(tmp_path):
    async def main():
        commands = [
            "cat a.txt | wc -l",
            "git log --output=x",
            "echo hi > x",
            "rm a.txt",
            "cat $(touch x)",
            "git diff {--output=x,}",
        ]
        calls = [call("bash", command=command) for command in commands]
        model = ScriptedModel(*calls, call("write", path="x", content="x"), "1. Change a.txt")
        async with session_with("plan_mode", model, tmp_path, flags={"plan": True}) as session:
            (session.store.cwd / "a.txt").write_text("one\n")
            await say(session, "plan it")
            assert [path.name for path in session.store.cwd.iterdir()] == ["a.txt"]
        seen = results(session)
        assert seen[0].strip() == "1"
        refused = "Plan mode is on, and this could change something. Look around, then write the plan."
        assert seen[1:6] == [refused] * 5
        assert "<plan_mode>" in prompt_of(model)
        assert tools_of(model) == ["read", "bash"]

    asyncio.run(main())


def test_the_plan_is_carried_out_with_all_tools_when_the_user_says_go(tmp_path):
    async def main():
        ui = ScriptedUI()
        model = ScriptedModel("1. Write x", call("write", path="x", content="y"), "Done.")
        async with session_with("plan_mode", model, tmp_path, ui=ui) as session:
            before = [tool.name for tool in session.tools.active]
            await press(session, "ctrl+alt+p")
            assert ui.statuses == {"plan_mode": "planning"}
            await say(session, "plan it")
            await say(session, "/plan go")
            assert ui.statuses == {}
            assert (session.store.cwd / "x").read_text() == "y"
        assert "<plan_mode>" in prompt_of(model, 0) and "<plan_mode>" not in prompt_of(model, 1)
        assert tools_of(model) == before

    asyncio.run(main())


def test_plan_mode_belongs_to_the_branch(tmp_path):
    async def main():
        model = ScriptedModel("Hello.", "A plan.")
        async with session_with("plan_mode", model, tmp_path) as session:
            await say(session, "hi")
            await say(session, "/plan")
            await say(session, "plan it")
            file = session.store.path
        async with session_with("plan_mode", ScriptedModel("More."), tmp_path, resume=file) as session:
            assert [tool.name for tool in session.tools.active] == ["read", "bash"]
            await session.tree.navigate(user_entry(session, "hi"))
            assert [tool.name for tool in session.tools.active] == ["read", "bash", "edit", "write"]

    asyncio.run(main())


# todo


def test_the_model_keeps_a_list_and_the_user_can_see_it(tmp_path):
    async def main():
        ui = ScriptedUI()
        model = ScriptedModel(
            call("todo", action="add", text="Write it"),
            call("todo", action="add", text="Test it"),
            call("todo", action="toggle", id=1),
            call("todo", action="toggle", id=7),
            call("todo", action="add"),
            "Half done.",
        )
        async with session_with("todo", model, tmp_path, ui=ui) as session:
            await say(session, "work")
            await say(session, "/todos")
            show = session.extensions.joined.renderers["tool:todo"][1].run
            ctx = session.extensions.ctx_of("todo")
            shown = [m for m in session.messages if isinstance(m, ToolResultMessage)][2]
            assert show(ToolResult(shown.content, shown.details), ctx) == ["☑ 1. Write it", "☐ 2. Test it"]
        assert ui.notices == [("info", "☑ 1. Write it\n☐ 2. Test it")]
        assert ui.statuses == {"todo": "1/2 done"}
        assert results(session)[3:] == [
            "There is no todo 7. There are:\n☑ 1. Write it\n☐ 2. Test it",
            "Say in `text` what is to do.",
        ]

    asyncio.run(main())


def test_the_list_follows_the_branch_and_comes_back_with_the_session(tmp_path):
    async def main():
        model = ScriptedModel(
            call("todo", action="add", text="one"), "ok", call("todo", action="add", text="two"), "ok"
        )
        async with session_with("todo", model, tmp_path) as session:
            await say(session, "first")
            await say(session, "second")
            file = session.store.path
        ui = ScriptedUI()
        model = ScriptedModel(call("todo", action="list"), "ok")
        async with session_with("todo", model, tmp_path, resume=file, ui=ui) as session:
            await say(session, "/todos")
            await session.tree.navigate(user_entry(session, "second"))
            await say(session, "list them")
        assert ui.notices == [("info", "☐ 1. one\n☐ 2. two")]
        assert results(session)[-1] == "☐ 1. one"

    asyncio.run(main())


# preset

PRESETS = {
    "presets": {
        "review": {"model": "lab/deep", "level": "high", "tools": ["read"], "prompt": "Change nothing."},
        "lost": {"model": "nowhere/none", "tools": []},
    }
}


def test_a_preset_sets_model_level_tools_and_prompt_and_off_goes_back(tmp_path):
    async def main():
        deep, plain, ui = ScriptedModel("Reviewed."), ScriptedModel("Fine."), ScriptedUI("review")
        inline = (lab(deep=deep, plain=plain),)
        async with session_with(
            "preset", "lab/plain", tmp_path, ui=ui, settings=PRESETS, inline=inline
        ) as session:
            before = session.model.ref, session.thinking_level, [tool.name for tool in session.tools.active]
            await say(session, "/preset")
            assert (session.model.ref, session.thinking_level) == ("lab/deep", "high")
            await say(session, "review it")
            assert tools_of(deep) == ["read"] and "Change nothing." in prompt_of(deep)
            assert ui.statuses == {"preset": "review"}
            await say(session, "/preset off")
            assert (
                session.model.ref,
                session.thinking_level,
                [tool.name for tool in session.tools.active],
            ) == before
            await say(session, "go on")
            assert "Change nothing." not in prompt_of(plain) and ui.statuses == {}
        assert ui.asked[0].options == ("review", "lost", "off")

    asyncio.run(main())


def test_a_preset_that_cannot_be_used_changes_nothing(tmp_path):
    async def main():
        ui = ScriptedUI()
        async with session_with("preset", None, tmp_path, ui=ui, settings=PRESETS) as session:
            before = [tool.name for tool in session.tools.active]
            await say(session, "/preset lost")
            await say(session, "/preset typo")
            assert [tool.name for tool in session.tools.active] == before
        assert [kind for kind, _ in ui.notices] == ["error", "warning"]
        assert ui.notices[1][1] == 'There is no preset "typo". There are: review, lost.'

    asyncio.run(main())


def test_the_flag_takes_a_preset_at_the_start_and_resuming_keeps_it(tmp_path):
    async def main():
        deep, plain = ScriptedModel("Reviewed.", "Again."), ScriptedModel("Fine.")
        options = {"settings": PRESETS, "inline": (lab(deep=deep, plain=plain),)}
        async with session_with(
            "preset", "lab/plain", tmp_path, flags={"preset": "review"}, **options
        ) as session:
            await say(session, "review it")
            file = session.store.path
        async with session_with("preset", "lab/deep", tmp_path, resume=file, **options) as session:
            await say(session, "again")
        assert tools_of(deep) == ["read"] and "Change nothing." in prompt_of(deep)

    asyncio.run(main())


# handoff


def test_a_new_session_begins_with_what_it_needs_to_know(tmp_path):
    async def main():
        ui = ScriptedUI(lambda question: question.text + " Be quick.")
        model = ScriptedModel("Parser is in p.py.", "Port p.py to the client.", "On it.")
        async with session_with("handoff", model, tmp_path, ui=ui) as session:
            await say(session, "where is the parser?")
            old = session.store.id
            await say(session, "/handoff port it to the client")
            assert session.store.id != old
            said = [m for m in session.messages if isinstance(m, UserMessage | AssistantMessage)]
            assert [content_text(m.content) for m in said] == ["Port p.py to the client. Be quick.", "On it."]
        task = content_text(model.asked[1].context.messages[0].content)
        assert "[User]: where is the parser?\n\n[Assistant]: Parser is in p.py." in task
        assert task.endswith("Goal: port it to the client")
        assert ui.working is None

    asyncio.run(main())


def test_a_handoff_works_where_nobody_can_change_the_prompt(tmp_path):
    async def main():
        model = ScriptedModel("Yes.", "Go on with it.", "Done.")
        async with session_with("handoff", model, tmp_path) as session:
            await say(session, "/handoff too early")
            await say(session, "hello")
            await say(session, "/handoff the rest")
        assert [content_text(asked.context.messages[-1].content) for asked in model.asked][
            2
        ] == "Go on with it."

    asyncio.run(main())


def test_a_handoff_that_the_user_drops_or_another_extension_refuses_changes_nothing(tmp_path):
    def stay(pi):
        from pi.ext import Cancel

        pi.on("session_before_switch")(lambda event, ctx: Cancel("no"))

    async def main():
        ui = ScriptedUI(None, "As it is.")
        model = ScriptedModel("Yes.", "A prompt.", "A prompt.")
        async with session_with("handoff", model, tmp_path, ui=ui, inline=(stay,)) as session:
            await say(session, "hello")
            old = session.store.id
            await say(session, "/handoff a")
            await say(session, "/handoff b")
            assert session.store.id == old
        assert [text for _, text in ui.notices] == [
            "Nothing was handed off.",
            "Nothing was handed off: this session can't be left now.",
        ]

    asyncio.run(main())


# notify

WATCHED = """
import asyncio, sys
from pathlib import Path
from pi.testing import ScriptedModel, ScriptedUI
from tests.examples.running import session_with

async def main():
    ui = ScriptedUI(mode="tui")
    settings = {"seconds": float(sys.argv[2])}
    model, folder = ScriptedModel("Done."), Path(sys.argv[1])
    async with session_with("notify", model, folder, ui=ui, settings=settings) as session:
        await session.tree.set_name("tests; \\x1b]0;evil\\x07")
        await session.prompt("go")

asyncio.run(main())
"""


@posix
def test_the_terminal_is_told_when_a_long_run_is_over(tmp_path):
    import pty

    def heard(seconds: str) -> bytes:
        ours, theirs = pty.openpty()
        env = {key: value for key, value in os.environ.items() if key != "KITTY_WINDOW_ID"}
        env["PYTHONPATH"] = os.pathsep.join([str(EXAMPLES.parents[1]), *sys.path])
        argv = [sys.executable, "-c", WATCHED, str(tmp_path), seconds]
        try:
            done = subprocess.run(argv, stderr=theirs, stdout=subprocess.PIPE, env=env, check=False)
            os.write(theirs, b"END")
            text = b""
            while not text.endswith(b"END"):
                text += os.read(ours, 65536)
        finally:
            os.close(theirs)
            os.close(ours)
        assert (done.returncode, done.stdout) == (0, b"")
        return text.removesuffix(b"END")

    assert heard("0") == b"\x1b]777;notify;Pi;tests, ]0,evil is waiting for you\x1b\\"
    assert heard("3600") == b""


@posix
def test_a_program_is_called_instead_and_nobody_is_told_where_nobody_watches(tmp_path):
    async def main():
        program = tmp_path / "tell"
        program.write_text('#!/bin/sh\nprintf "%s|" "$@" >> "$(dirname "$0")/told"\n')
        program.chmod(0o755)
        settings = {"command": [str(program), "-u"], "seconds": 0.0}
        for ui in (None, ScriptedUI()):
            async with session_with(
                "notify", ScriptedModel("Hi."), tmp_path, ui=ui, settings=settings
            ) as session:
                await say(session, "hello")
        assert (tmp_path / "told").read_text() == "-u|Pi|project is waiting for you|"

    asyncio.run(main())


# tools


def test_tools_are_switched_by_name_and_come_back_with_the_session(tmp_path):
    async def main():
        model = ScriptedModel("Hi.", "Hi.")
        async with session_with("tools", model, tmp_path) as session:
            await say(session, "before")
            await say(session, "/tools +grep -bash")
            await say(session, "/tools -typo")
            await say(session, "after")
            file = session.store.path
        assert tools_of(model, 0) == ["read", "bash", "edit", "write"]
        assert tools_of(model, 1) == ["read", "edit", "write", "grep"]
        async with session_with("tools", None, tmp_path, resume=file) as session:
            assert [tool.name for tool in session.tools.active] == ["read", "edit", "write", "grep"]
            await session.tree.navigate(user_entry(session, "before"))
            assert [tool.name for tool in session.tools.active] == ["read", "bash", "edit", "write"]

    asyncio.run(main())


def test_tools_are_picked_from_a_form(tmp_path):
    async def main():
        ui = ScriptedUI({"tools": ["read"]}, None)
        async with session_with("tools", None, tmp_path, ui=ui) as session:
            await say(session, "/tools")
            await say(session, "/tools")
            assert [tool.name for tool in session.tools.active] == ["read"]
        fields = ui.asked[0].fields
        assert fields[0].default == ["read", "bash", "edit", "write"]
        assert [option.label for option in fields[0].options][:4] == ["read", "bash", "edit", "write"]
        assert ui.notices == [("info", "The model has: read.")] * 2

    asyncio.run(main())


# custom_compaction

SMALL = {"keepRecentTokens": 1}


def test_another_model_writes_the_summary(tmp_path):
    async def main():
        cheap = ScriptedModel("## Goal\nA parser.")
        model = ScriptedModel(call("write", path="p.py", content="pass"), "Written.", "Yes.")
        async with session_with(
            "custom_compaction",
            model,
            tmp_path,
            settings={"model": "lab/cheap"},
            inline=(lab(cheap=cheap),),
            compaction=SMALL,
        ) as session:
            await say(session, "write a parser")
            await say(session, "is it done?")
            entry = await session.compact("the parser")
        assert isinstance(entry, CompactionEntry) and entry.from_hook
        assert entry.summary == "## Goal\nA parser.\n\n<modified-files>\np.py\n</modified-files>"
        assert entry.details == {"readFiles": [], "modifiedFiles": ["p.py"]}
        assert content_text(session.messages[-1].content) == "Yes."  # what Pi would keep stays
        asked = content_text(cheap.asked[0].context.messages[0].content)
        assert "[User]: write a parser" in asked and "[Assistant tool calls]: write(" in asked
        assert "Look at this most: the parser" in asked
        assert len(model.asked) == 3

    asyncio.run(main())


def test_when_the_other_model_fails_pi_sums_up_itself(tmp_path):
    async def main():
        for settings in ({"model": "nowhere/none"}, {}):
            ui = ScriptedUI()
            model = ScriptedModel("One.", "Two.", after="Pi's own summary.")
            async with session_with(
                "custom_compaction", model, tmp_path, ui=ui, settings=settings, compaction=SMALL
            ) as session:
                await say(session, "first")
                await say(session, "second")
                entry = await session.compact()
            assert not entry.from_hook and "Pi's own summary." in entry.summary
            assert [kind for kind, _ in ui.notices] == (["warning"] if settings else [])

    asyncio.run(main())


def test_every_example_says_how_to_start_it():
    for path in sorted(EXAMPLES.glob("*.py")):
        text = path.read_text(encoding="utf-8").split('"""')[1]
        assert " -e examples/extensions/" in text and path.name in text, path.name


def test_the_examples_need_only_the_public_api():
    import ast

    for path in sorted(EXAMPLES.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names |= {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        foreign = {
            n
            for n in names - {"pi.ext", "pi.ext.oauth"}
            if n.partition(".")[0] not in sys.stdlib_module_names
        }
        assert foreign == set(), path.name
