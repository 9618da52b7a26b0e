"""Pictures of pickers, questions and forms."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pi.harness.settings import load_settings
from pi.harness.storage.files import SessionDir
from pi.harness.storage.listing import read_row
from pi.harness.storage.store import Store
from pi.harness.ui import Field, Option
from pi.llm.messages import ToolCall
from pi.modes.tui.commands import find_command
from pi.modes.tui.panels.asking import Choice, Confirm, LongText, TextInput, Waiting
from pi.modes.tui.panels.form import FormPanel
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.pickers.first_run import first_run
from pi.modes.tui.pickers.login_dialog import LoginDialog
from pi.modes.tui.pickers.sessions import SessionPicker
from pi.modes.tui.pickers.trust import pick_trust
from tests.modes.tui.screens.shot import ASCII, DARK, LARGE, LIGHT, NARROW, PLAIN, SMALL, Shot
from tests.modes.tui.screens.talk import AT, answer, begin, result, user
from tests.modes.tui.world import World


def _model(id: str, name: str, window: int, price: tuple[float, float], **fields: Any) -> dict[str, Any]:
    cost = {"input": price[0], "output": price[1]}
    return {"id": id, "name": name, "contextWindow": window, "maxTokens": 64_000, "cost": cost, **fields}


def _provider(*models: dict[str, Any]) -> dict[str, Any]:
    return {
        "baseUrl": "http://127.0.0.1:1/v1",
        "api": "openai-completions",
        "apiKey": "k",
        "models": list(models),
    }


MODELS = {
    "acme": _provider(
        _model("swift-4", "Swift 4", 200_000, (0.25, 1.25)),
        _model("sonata-4-5", "Sonata 4.5", 1_000_000, (3, 15), reasoning=True, input=["text", "image"]),
        _model("opus-magnum-4-1", "Opus Magnum", 200_000, (15, 75), reasoning=True),
    ),
    "garage": _provider(
        _model("llama-local", "", 32_000, (0, 0)),
        *(_model(f"tiny-{size}b", f"Tiny {size}", 128_000, (0, 0)) for size in (1, 3, 7, 13, 34, 70, 120)),
    ),
}
ROLES = {
    "quietStartup": True,
    "roles": {"plan": "acme/opus-magnum-4-1:high", "work": "acme/sonata-4-5", "small": "acme/swift-4"},
}
OPTIONS = {"models": MODELS, "settings": ROLES}


async def talk(world: World) -> None:
    """What stands behind the panels."""
    begin(world, user("Why does the cache need so much memory?"), answer("It never forgets: see `cache.py`."))


def command(text: str, *keys: str) -> Callable[[World], Awaitable[None]]:
    """A slash command that shows a panel, and keys for it."""

    async def act(world: World) -> None:
        await talk(world)
        name, _, arguments = text.partition(" ")
        found = find_command(name)
        assert found is not None, name
        world.interface.spawn(found.run(world.interface, arguments))
        await world.until(lambda: world.interface.panel is not None)
        for key in keys:
            before = world.interface.panel
            world.press(key)
            if key == "enter":
                await world.until(lambda before=before: world.interface.panel not in (None, before))

    return act


def asked(make: Callable[[World], Panel[Any]], *keys: str) -> Callable[[World], Awaitable[None]]:
    """A panel, and keys for it."""

    async def act(world: World) -> None:
        await talk(world)
        world.interface.spawn(world.interface.ask(make(world)))
        await world.until(lambda: world.interface.panel is not None)
        world.press(*keys)

    return act


async def model(world: World) -> None:
    await world.session.models.use("acme/sonata-4-5", "medium")
    await command("model")(world)


async def thinking(world: World) -> None:
    await world.session.models.use("acme/sonata-4-5", "medium")
    await command("thinking")(world)


async def tree(world: World) -> None:
    store = world.session.store
    store.append_message(user("Why does the cache need so much memory?"))
    start = store.append_message(answer("It never forgets.", ToolCall("1", "bash", {"command": "wc -l *.py"})))
    store.append_message(result("1", "bash", "120 cache.py"))
    first = store.append_message(user("Then limit it to 1000 entries"))
    store.append_message(answer("It is limited now."))
    store.append_label(first.id, "limit")
    store.move_to(start.id)
    store.append_message(user("Use weak references instead"))
    store.append_message(answer("They are weak now."))
    world.interface.rebuild()
    found = find_command("tree")
    assert found is not None
    world.interface.spawn(found.run(world.interface, ""))
    await world.until(lambda: world.interface.panel is not None and "weak now" in "".join(world.rows()[12:]))


async def fork(world: World) -> None:
    begin(world, user("Look at the cache"), answer("I did."), user("Make it\nsmaller"), answer("Done."))
    await command("fork")(world)


async def sessions(world: World) -> None:
    await talk(world)
    folder = world.home / "sessions"
    said = ("Why does the cache need so much memory?", "Add a discount to the cart", "你好，看看这个缓存")
    ages = (60_000, 3 * 3_600_000, 40 * 86_400_000)
    for number, text in enumerate(said):
        store = Store.create(world.session.store.cwd, folder)
        store.append_message(user(text))
        store.append_message(answer("Done."))
        if number == 1:
            store.append_session_info("Discounts")
        path = store.path
        store.close()
        assert path is not None
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines) + "\n")
    picker = SessionPicker(
        world.interface.keymap,
        SessionDir(folder, own=True) if False else SessionDir(folder),  # type: ignore[call-arg]
        now=lambda: AT + ages[1],
    )
    world.interface.spawn(world.interface.ask(picker))
    await picker.settled()
