"""A `pi --mode acp` process beside a scripted provider, and an editor made of the library's client side."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from acp import PROTOCOL_VERSION, spawn_agent_process, text_block
from acp.client.connection import ClientSideConnection
from acp.schema import (
    AcceptElicitationResponse,
    AllowedOutcome,
    AuthCapabilities,
    CancelElicitationResponse,
    ClientCapabilities,
    DeniedOutcome,
    ElicitationCapabilities,
    ElicitationFormCapabilities,
    RequestPermissionResponse,
)

from tests.e2e.conftest import World, provider, world  # noqa: F401 - fixtures

LIMIT_S = 30
unix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
CALL = "tool_call", "tool_call_update"


class Editor:
    """What an editor hears and answers: `updates` in their order, `choose` for permissions."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.choose: Callable[[dict[str, Any]], str | None] = lambda request: request["options"][0][
            "optionId"
        ]
        self.fill_in: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda form: None
        self.heard = asyncio.Event()
        self.pi: ClientSideConnection
        self.process: asyncio.subprocess.Process

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        shown = update.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.updates.append({"session": session_id, **shown})
        self.heard.set()

    async def request_permission(self, session_id: str, tool_call: Any, options: Any, **_: Any) -> Any:
        dumped = [option.model_dump(mode="json", by_alias=True, exclude_none=True) for option in options]
        call = tool_call.model_dump(mode="json", by_alias=True, exclude_none=True)
        request = {"session": session_id, "call": call, "options": dumped}
        self.asked.append(request)
        self.heard.set()
        chosen = self.choose(request)
        if chosen == "wait":
            await asyncio.Event().wait()
        if chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen))

    async def create_elicitation(self, message: str, mode: Any, **_: Any) -> Any:
        form = mode.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.asked.append({"message": message, **form})
        answers = self.fill_in(form)
        if answers is None:
            return CancelElicitationResponse(action="cancel")
        return AcceptElicitationResponse(action="accept", content=answers)

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None: ...

    def on_connect(self, conn: Any) -> None: ...

    async def initialize(self, *, forms: bool = False, terminal: bool = False) -> Any:
        form = ElicitationCapabilities(form=ElicitationFormCapabilities()) if forms else None
        abilities = ClientCapabilities(elicitation=form, auth=AuthCapabilities(terminal=terminal))
        return await self.pi.initialize(protocol_version=PROTOCOL_VERSION, client_capabilities=abilities)

    async def begin(self, home: World, **abilities: bool) -> str:
        """Say hello and open a session in the project; its id."""
        await self.initialize(**abilities)
        return (await self.pi.new_session(cwd=str(home.project), mcp_servers=[])).session_id

    async def say(self, session: str, text: str) -> Any:
        return await self.pi.prompt(session_id=session, prompt=[text_block(text)])

    async def until(self, found: Callable[[], Any]) -> Any:
        """What `found` gives as soon as it gives something."""
        async with asyncio.timeout(LIMIT_S):
            while not (value := found()):
                self.heard.clear()
                await self.heard.wait()
            return value

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [update for update in self.updates if update["sessionUpdate"] in kinds]

    def text(self, kind: str = "agent_message_chunk") -> str:
        return "".join(update["content"].get("text", "") for update in self.of(kind))


Play = Callable[..., Any]


@pytest.fixture
def play(world: World) -> Play:  # noqa: F811 - it is that fixture
    """Run a scene with an editor and a Pi process; the result is what the scene gives."""

    def play(scene: Callable[[Editor], Coroutine[Any, Any, Any]], *words: str, env: Any = None) -> Any:
        async def run() -> Any:
            async with asyncio.timeout(2 * LIMIT_S), opened(world, *words, env=env) as editor:
                return await scene(editor)

        return asyncio.run(run())

    return play


@asynccontextmanager
async def opened(home: World, *words: str, env: Any = None) -> AsyncIterator[Editor]:
    editor = Editor()
    program, *arguments = home.command("--mode", "acp", *words)
    spawned = spawn_agent_process(
        editor,  # pyright: ignore[reportArgumentType] - it has no terminals
        program,
        *arguments,
        cwd=home.project,
        env=home.env | (env or {}),
        use_unstable_protocol=True,
    )
    async with spawned as (editor.pi, editor.process):
        yield editor
