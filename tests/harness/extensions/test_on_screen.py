"""What extensions show in a terminal, and that none of it can do harm."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pi.agent.tool import ToolResult
from pi.ext import Ctx, ExtensionAPI
from pi.harness.extensions.on_screen import OnScreen
from pi.llm.messages import Text
from pi.testing import session_with


def extension(pi: ExtensionAPI) -> None:
    @pi.footer("words", priority=70)
    def words(ctx: Ctx) -> str:
        return "two words"

    @pi.footer("broken")
    def broken(ctx: Ctx) -> str:
        raise ValueError("no words")

    @pi.footer("late")
    async def late(ctx: Ctx) -> str:  # what is drawn can't wait
        return "never"

    @pi.render("tool", "count")
    def count(result: ToolResult, ctx: Ctx) -> list[str] | None:
        return [f"counted {result.content[0].text}"] if result.content else None

    @pi.autocomplete("#")
    def issues(word: str, ctx: Ctx) -> list[str]:
        return [f"{word}1", f"{word}2"]

    def cities(prefix: str, ctx: Ctx) -> list[str]:
        return [name for name in ("Bern", "Basel", "Rom") if name.startswith(prefix)]

    @pi.command("go", complete=cities)
    def go(args: str, ctx: Ctx) -> None:
        """Go somewhere"""

    @pi.shortcut("ctrl+y", "Count")
    def pressed(ctx: Ctx) -> None:
        ctx.session.append("pressed", 1)

    @pi.shortcut("ctrl+x", "Break")
    async def breaks(ctx: Ctx) -> None:
        raise ValueError("broken key")


def on_screen(act: Callable[[OnScreen, Any, list[str]], Awaitable[None]]) -> None:
    async def main() -> None:
        async with session_with(extension) as session:
            reported: list[str] = []

            def report(owner: str, where: str, error: str) -> None:
                reported.append(f"{where}: {error}")

            await act(OnScreen(lambda: session.extensions, report), session, reported)

    asyncio.run(main())


def test_segments_that_fail_are_told_and_the_others_are_shown() -> None:
    async def act(shown: OnScreen, session: Any, reported: list[str]) -> None:
        assert shown.segments() == [(70, "two words")]
        assert reported == [
            "footer broken: ValueError: no words",
            "footer late: TypeError: what is drawn can't wait: make it a plain function",
        ]

    on_screen(act)


def test_a_tool_is_shown_by_its_renderer_unless_that_declines() -> None:
    async def act(shown: OnScreen, session: Any, reported: list[str]) -> None:
        assert shown.renders("tool", "count") and not shown.renders("tool", "read")
        assert shown.render("tool", "count", ToolResult((Text("3"),))) == ["counted 3"]
        assert shown.render("tool", "count", ToolResult(())) is None
        assert shown.render("tool", "read", ToolResult(())) is None

    on_screen(act)


def test_words_and_arguments_are_completed() -> None:
    async def act(shown: OnScreen, session: Any, reported: list[str]) -> None:
        assert list(shown.triggers()) == ["#"]
        assert await shown.triggers()["#"]("#4") == ["#41", "#42"]
        assert await shown.arguments("go", "B") == ["Bern", "Basel"]
        assert await shown.arguments("nothing", "B") == []

    on_screen(act)


def test_a_key_runs_its_function_and_one_that_fails_says_so() -> None:
    async def act(shown: OnScreen, session: Any, reported: list[str]) -> None:
        assert shown.shortcuts() == [("ctrl+y", "Count"), ("ctrl+x", "Break")]
        await shown.press("ctrl+y")
        await shown.press("ctrl+x")
        await shown.press("f1")
        assert [entry.custom_type for entry in session.store.branch("custom")] == ["pressed"]
        assert reported == ["ctrl+x: ValueError: broken key"]

    on_screen(act)
