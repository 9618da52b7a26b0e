"""The welcome when no model can be used: in at most three steps to one that can."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence

from pi.harness.session import Session
from pi.llm.auth.status import auth_statuses
from pi.llm.local_servers import LocalServer, find_local_servers
from pi.llm.logins.doing import log_in_with_key
from pi.llm.patterns import Choice
from pi.llm.providers import PROVIDERS
from pi.modes.tui.blocks.notice import MarkdownBlock
from pi.modes.tui.commands.model import use
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.pickers.logins import ask_server, enter, has_model, use_one_of
from pi.modes.tui.pickers.models import pick_model
from pi.modes.tui.pickers.providers import pick_provider, takes_key
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError

Find = Callable[[], Awaitable[list[LocalServer]]]
_ACCOUNT, _KEY, _DEMO, _QUIT = "account", "key", "demo", "quit"
_WAYS = (
    Row(_ACCOUNT, "Log in with an account", "a subscription that you have"),
    Row(_KEY, "Enter an API key", "of Anthropic, OpenAI, Google and many more"),
)
_OTHERS = (
    Row(_DEMO, "See a demo", "a scripted model mends a bug: no key, no network"),
    Row(_QUIT, "Quit"),
)


async def first_run(stage: Stage, error: PiError | str, *, find: Find = find_local_servers) -> bool:
    """Lead to a model that can be used, and keep it as the default; False when people went away.

    Servers on this machine are looked for meanwhile, unless PI_OFFLINE is set, and offered when they answer.
    """
    note = clean(str(error))
    servers: list[LocalServer] = []
    looked = False
    while True:
        picker = Picker(stage.keymap, "Welcome to Pi", _rows(servers), search=False, note=note)
        looking = None if looked or os.environ.get("PI_OFFLINE") else asyncio.ensure_future(find())
        if looking is not None:
            looking.add_done_callback(lambda done, picker=picker: _found(done, servers, picker))
        try:
            row = await stage.ask(picker)
        finally:
            looked = looking is None or looking.done()
            if looking is not None:
                looking.cancel()
        if row is None or row.id == _QUIT:
            if row is not None:
                stage.quit()
            return False
        try:
            if await _go(stage, row.id):
                return True
            note = "No model can be used yet."
        except PiError as fault:
            note = str(fault)


def _rows(servers: Sequence[LocalServer]) -> list[Row]:
    local = [Row(each, f"Use {each.name} on this machine", clean(_models(each))) for each in servers]
    return [*_WAYS, *local, *_OTHERS]


def _models(server: LocalServer) -> str:
    count = len(server.models)
    return server.models[0] if count == 1 else f"{count} models"


def _found(done: "asyncio.Future[list[LocalServer]]", servers: list[LocalServer], picker: Picker) -> None:
    if done.cancelled() or done.exception() is not None:
        return  # nobody there is no fault
    seen: dict[str, LocalServer] = {}
    for each in done.result():
        if each.models:
            seen.setdefault(each.provider, each)
    servers[:] = seen.values()
    picker.set_rows(_rows(servers))


async def _go(stage: Stage, way: str | LocalServer) -> bool:
    """One of the ways; whether there is a model at its end. Raises PiError."""
    if isinstance(way, LocalServer):
        return await _use_server(stage, way)
    if way == _DEMO:
        await _show_demo(stage)
        return False
    statuses = auth_statuses(stage.session.setup.registry)
    account = way == _ACCOUNT
    offered = [each for each in statuses if (each.methods if account else takes_key(each))]
    status = await pick_provider(stage, offered, "Log in to" if account else "Whose key?")
    if status is None or not await enter(stage, status, keys=not account, accounts=account):
        return False
    return await use_one_of(stage, status.provider) and has_model(stage)


async def _use_server(stage: Stage, server: LocalServer) -> bool:
    await remember_place(stage.session, server)
    await ask_server(stage, server.provider)
    models = stage.session.setup.registry.models_of(server.provider)
    if len(models) == 1:
        await use(stage, Choice(models[0]), default=True)
        return True
    picked = await pick_model(stage, provider=server.provider)
    if picked is None:
        return False
    await use(stage, picked.choice, default=True)
    return True


async def remember_place(session: Session, server: LocalServer) -> None:
    """Keep where a server is that doesn't listen on its usual port; not all can be told that in auth.json."""
    registry, known = session.setup.registry, PROVIDERS[server.provider]
    usual = known.base_url.rstrip("/").removesuffix("/v1")
    root = server.base_url.rstrip("/").removesuffix("/v1")
    port = usual.rpartition(":")[2]
    if (
        known.root_env
        and not registry.env_of(server.provider).get(known.root_env)
        and not root.endswith(port)
    ):
        env = {known.root_env: root}
        await log_in_with_key(registry.agent_dir, server.provider, "none", env=env)  # it asks for no key
        registry.reload()


async def _show_demo(stage: Stage) -> None:
    """Play it beside, and show what it said: it works in a folder of its own."""
    stage.working("The demo plays…")
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pi",
            "demo",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    finally:
        stage.working(None)
    text = said.decode("utf-8", "replace").replace("```", "'''")
    stage.show(MarkdownBlock(f"```\n{text.strip()}\n```", "Demo: a scripted model, and the real tools"))
