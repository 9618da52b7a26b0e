"""The commands of whole sessions: new, resume, name, clone, import, export, copy, share, and small ones."""

import asyncio
import json
import os
import shutil
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pi.ext import Cancel
from pi.harness.storage.entries import CompactionEntry
from pi.harness.storage.store import Store
from pi.llm.messages import UserMessage
from pi.modes.tui.commands import (
    changelog,
    compact,
    copy,
    debug,
    export,
    hotkeys,
    import_,
    quit,
    reload,
    sessions,
    share,
)
from pi.modes.tui.footer import short_path
from pi.platform.errors import PiError
from tests.modes.tui.sessions.conftest import Saved
from tests.modes.tui.sessions.stage import Answer, FakeStage, press


def _talked(
    saved: Saved, use: Callable[[FakeStage], Awaitable[None]], *answers: Answer, **options: object
) -> None:
    async def main() -> None:
        async with saved("the answer", **options) as session:
            await session.prompt("the question")
            await use(FakeStage(session, *answers))

    asyncio.run(main())


def _session(folder: Path, cwd: Path, text: str = "zebra") -> Path:
    store = Store.create(cwd, directory=folder)
    store.append_message(UserMessage(content=text, timestamp=1_800_000_000_000))
    store.close()
    assert store.path is not None
    return store.path


def test_a_new_session_is_empty_and_the_old_one_stays(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        old = stage.session.store.path
        await sessions.new(stage, "")
        assert stage.session.store.path != old and old is not None and old.exists()
        assert not stage.session.messages or stage.session.messages[-1].role != "user"
        assert (stage.rebuilt, stage.notices) == (1, [("New session started.", "info")])

    _talked(saved, use)


def test_an_extension_can_refuse_a_new_session(saved: Saved) -> None:
    def extension(pi: object) -> None:
        @pi.on("session_before_switch")  # type: ignore[attr-defined]
        async def refuse(event: object, ctx: object) -> Cancel:
            return Cancel()

    async def use(stage: FakeStage) -> None:
        old = stage.session.store
        await sessions.new(stage, "")
        assert (stage.session.store, stage.rebuilt) == (old, 0)
        assert stage.notices == [("Cancelled by an extension.", "info")]

    _talked(saved, use, extension=extension)


def test_another_session_is_resumed(saved: Saved, tmp_path: Path) -> None:
    async def choose(picker: sessions.SessionPicker) -> None:
        await picker.settled()
        press(picker, "'zebra")
        await picker.settled()
        press(picker, "enter")

    async def use(stage: FakeStage) -> None:
        other = _session(tmp_path / "sessions", stage.session.store.cwd)
        await sessions.resume(stage, "")
        assert stage.session.store.path == other
        assert (stage.rebuilt, stage.notices) == (1, [("Session resumed.", "info")])

    _talked(saved, use, choose)


@pytest.mark.parametrize(
    ("keys", "opened"), [(["enter"], "same"), (["down", "enter"], "fork"), (["escape"], None)]
)
def test_a_session_whose_folder_is_gone_asks_where_to_go_on(
    saved: Saved, tmp_path: Path, keys: list[str], opened: str | None
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    file = _session(tmp_path / "elsewhere", gone)
    gone.rmdir()

    async def use(stage: FakeStage) -> None:
        before, here = stage.session.store, stage.session.store.cwd
        await import_.run(stage, str(file))
        store = stage.session.store
        match opened:
            case "same":
                assert store.cwd == here and store.header.cwd == str(gone)
            case "fork":
                assert (store.cwd, store.header.cwd) == (here, str(here))
                assert store.path is not None and store.path.parent == tmp_path / "sessions"
            case _:
                assert store is before

    _talked(saved, use, keys)


def test_a_session_is_named_and_tells_its_name(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await sessions.name(stage, "")
        await sessions.name(stage, " My work ")
        await sessions.name(stage, "")
        assert [text for text, _ in stage.notices] == [
            "The session has no name. Give it one: /name NAME",
            "The session is called: My work",
            "The session is called: My work",
        ]

    _talked(saved, use)


def test_a_clone_holds_the_branch(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        old = stage.session.store
        await sessions.clone(stage, "")
        assert stage.session.store.path != old.path
        assert [e.id for e in stage.session.store.branch()] == [e.id for e in old.branch()]
        assert stage.rebuilt == 1

    _talked(saved, use)


def test_session_tells_file_counts_tokens_and_context(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await sessions.name(stage, "a | b")
        await sessions.show(stage, "")
        text = stage.blocks[0].text()
        store = stage.session.store
        assert f"- ID: `{store.id}`" in text
        assert "- Name: a \\| b" in text
        assert f"~/sessions/{store.path.name}" in text if store.path else False
        assert "- Messages: 3 (you 1, assistant 1, tool results 0)" in text
        assert "- Tokens: 100 in, 20 out" in text and "  - faux/scripted: $0.0000" in text
        assert "- Context: 120 of 128,000 tokens (0.1%)" in text and "- Warm cache: " in text

    _talked(saved, use)


def test_compact_sums_up(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await compact.run(stage, "the parser")
        assert isinstance(stage.session.store.branch()[-1], CompactionEntry)

    _talked(saved, use, settings={"compaction": {"keepRecentTokens": 0}})


def test_import_copies_a_file_and_opens_it(saved: Saved, tmp_path: Path) -> None:
    async def use(stage: FakeStage) -> None:
        file = _session(tmp_path / "else where", stage.session.store.cwd)
        await import_.run(stage, f'"{file}"')
        path = stage.session.store.path
        assert path is not None and path.parent == tmp_path / "sessions"
        assert path.read_bytes().startswith(file.read_bytes())
        with pytest.raises(PiError, match="File not found"):
            await import_.run(stage, "nothing.jsonl")
        with pytest.raises(PiError, match="Say which file"):
            await import_.run(stage, "")

    _talked(saved, use)


def test_export_writes_jsonl_or_a_page_and_asks_before_it_overwrites(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        source, cwd = stage.session.store.path, stage.session.store.cwd
        assert source is not None
        await export.run(stage, "")
        assert (cwd / f"pi-session-{source.stem}.jsonl").read_bytes() == source.read_bytes()
        (cwd / "mine.jsonl").write_text("mine")
        await export.run(stage, "mine.jsonl")
        assert (cwd / "mine.jsonl").read_text() == "mine"
        await export.run(stage, "mine.jsonl")
        assert (cwd / "mine.jsonl").read_bytes() == source.read_bytes()
        await export.run(stage, "out.html")
        assert "the answer" in (cwd / "out.html").read_text(encoding="utf-8")
        assert stage.notices[-1] == (f"Exported to {short_path(cwd / 'out.html')}", "info")

    _talked(saved, use, ["n"], ["y"])


def test_copy_takes_the_last_answer(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await copy.run(stage, "")
        assert stage.clipboard == ["the answer"]
        assert stage.notices == [("Copied the last answer (1 line).", "info")]
        stage.has_clipboard = False
        with pytest.raises(PiError, match="no way to the clipboard"):
            await copy.run(stage, "")

    _talked(saved, use)


def _gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_share_asks_uploads_a_secret_gist_and_tells_the_link(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = f'if [ "$1" = gist ]; then cp "$4" {tmp_path}/uploaded; echo https://gist.github.com/me/1; fi'
    _gh(tmp_path, monkeypatch, upload)

    async def wait(panel: object) -> None:
        pass

    async def use(stage: FakeStage) -> None:
        await share.run(stage, "")
        assert stage.notices == [("Shared: https://gist.github.com/me/1", "info")]
        source = stage.session.store.path
        assert source is not None and (tmp_path / "uploaded").read_bytes() == source.read_bytes()
        called = (tmp_path / "calls").read_text().splitlines()
        assert called[0] == "auth status" and called[1].startswith("gist create --public=false ")

    _talked(saved, use, ["y"], wait)


def test_share_is_cancelled_with_escape(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _gh(tmp_path, monkeypatch, 'if [ "$1" = gist ]; then exec sleep 60; fi')

    async def use(stage: FakeStage) -> None:
        await share.run(stage, "")
        assert stage.notices == [("Sharing was cancelled.", "info")]

    _talked(saved, use, ["y"], ["escape"])


@pytest.mark.parametrize(
    ("script", "said"), [(None, "needs GitHub's program gh"), ("exit 1", "isn't logged in")]
)
def test_share_says_what_is_missing(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    if script is None:
        monkeypatch.setattr(shutil, "which", lambda name: None)  # a machine without gh
    else:
        _gh(tmp_path, monkeypatch, script)

    async def use(stage: FakeStage) -> None:
        with pytest.raises(PiError, match=said):
            await share.run(stage, "")

    _talked(saved, use)


def test_nothing_is_shared_when_one_doesnt_agree(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _gh(tmp_path, monkeypatch, "")

    async def use(stage: FakeStage) -> None:
        await share.run(stage, "")
        assert (tmp_path / "calls").read_text() == "auth status\n"

    _talked(saved, use, ["n"])


def test_reload_reads_settings_again_and_counts_what_there_is(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        prompts = stage.agent_dir / "prompts"
        prompts.mkdir()
        (prompts / "review.md").write_text("Review it.")
        await reload.run(stage, "")
        assert stage.refreshed == 1 and stage.work == ["Reloading…", None]
        assert "1 prompt" in stage.notices[-1][0]

    _talked(saved, use)


def test_hotkeys_changelog_and_quit(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await hotkeys.run(stage, "")
        assert "ctrl+o" in stage.blocks[0].text()
        await changelog.run(stage, "")
        assert "## 0.1.0" in stage.blocks[1].text()
        await quit.run(stage, "")
        assert stage.ended

    _talked(saved, use)


def test_debug_writes_a_file_that_nobody_else_can_read(saved: Saved) -> None:
    async def use(stage: FakeStage) -> None:
        await debug.run(stage, "")
        path = stage.agent_dir / "pi-debug.log"
        if os.name == "posix":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        last = json.loads(path.read_text().rstrip().splitlines()[-1])
        assert last["content"] == [{"type": "text", "text": "the answer"}]

    _talked(saved, use)
