"""The client: what a program in Python needs to drive Pi."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.rpc import RpcClient, RpcFailed
from tests.e2e.conftest import World, provider, world  # noqa: F401 - fixtures


def client(home: World, *words: str, **options: Any) -> RpcClient:
    return RpcClient("--model", "oai/m", *words, cwd=home.project, env=home.env, **options)


def test_a_prompt_is_waited_for_with_its_events(world: World) -> None:  # noqa: F811
    async def go() -> None:
        async with client(world) as pi:
            events = await pi.prompt_and_wait("Hello")
            assert [events[0]["type"], events[-1]["type"]] == ["agent_start", "agent_settled"]
            assert await pi.call("get_last_assistant_text") == {"text": "Fine."}
            states = await asyncio.gather(*(pi.call("get_state") for _ in range(20)))
            assert {state["messageCount"] for state in states} == {3}
            await pi.wait_idle()

    asyncio.run(go())


def test_what_is_queued_belongs_to_the_run_that_is_waited_for(world: World) -> None:  # noqa: F811
    world.provider.script({"text": "One, slowly.", "chunk": 2, "delay": 0.05}, after={"text": "Two."})

    async def go() -> None:
        async with client(world) as pi:
            assert await pi.prompt("First") == "started"
            assert await pi.prompt("Second", when_busy="followUp") in ("queued", "started")
            await pi.wait_idle()
            assert await pi.call("get_last_assistant_text") == {"text": "Two."}

    asyncio.run(go())


def test_errors_have_a_text_and_a_code(world: World) -> None:  # noqa: F811
    async def go() -> None:
        async with client(world) as pi:
            with pytest.raises(RpcFailed, match="Model not found: a/b") as failed:
                await pi.call("set_model", provider="a", modelId="b")
            assert failed.value.code == "not_found"

    asyncio.run(go())


def test_dialogs_are_answered_by_a_function_and_cancelled_without_one(
    world: World,  # noqa: F811
) -> None:
    path = world.project / "ask.py"
    path.write_text(
        "def extension(pi):\n"
        "    @pi.command('ask', '')\n"
        "    async def ask(args, ctx):\n"
        "        ctx.ui.notify(str(await ctx.ui.select('Which?', ['a', 'b'])))\n"
    )

    async def asked(**options: Any) -> str:
        async with client(world, "-e", str(path), **options) as pi:
            heard: list[dict[str, Any]] = []
            pi.subscribe(heard.append)
            assert await pi.prompt("/ask") == "handled"
            return heard[0]["message"]

    async def choose(request: dict[str, Any]) -> dict[str, Any]:
        return {"value": request["options"][1]}

    assert asyncio.run(asked(answer_ui=choose)) == "b"
    assert asyncio.run(asked(answer_ui=lambda request: {"value": "a"})) == "a"
    assert asyncio.run(asked()) == "None"


def test_a_pi_that_does_not_start_or_has_ended_says_so(world: World) -> None:  # noqa: F811
    async def not_started() -> None:
        with pytest.raises(RpcFailed, match="Call start"):
            await client(world).call("get_state")
        with pytest.raises(RpcFailed, match="Unknown option: -Q"):
            await client(world, "-Q").start()

    async def ended() -> None:
        pi = client(world)
        await pi.start()
        assert await pi.stop() == 0
        with pytest.raises(RpcFailed, match="Pi has ended"):
            await pi.call("get_state")
        with pytest.raises(RpcFailed, match="Pi has ended"):
            await pi.wait_idle()

    asyncio.run(not_started())
    asyncio.run(ended())


def test_the_example_of_the_documentation_runs(world: World, capfd: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    text = (Path(__file__).parents[3] / "docs" / "rpc.md").read_text(encoding="utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    code = example.replace('RpcClient("--no-session")', "CLIENT").replace("asyncio.run(main())", "")
    assert "CLIENT" in code
    scope: dict[str, Any] = {"CLIENT": client(world, "--no-session")}
    exec(code, scope)
    asyncio.run(scope["main"]())
    assert "Fine." in capfd.readouterr().out
