"""Pictures of pickers, questions and forms."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pi.harness.storage.files import session_dir
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
    start = store.append_message(
        answer("It never forgets.", ToolCall("1", "bash", {"command": "wc -l *.py"}))
    )
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
    await world.until(lambda: world.interface.panel is not None)
    await world.until(lambda: "assistant" in "".join(world.rows()))


async def fork(world: World) -> None:
    begin(world, user("Look at the cache"), answer("I did."), user("Make it\nsmaller"), answer("Done."))
    await command("fork")(world)


async def sessions(world: World) -> None:
    await talk(world)
    directory = session_dir(world.home / "other", world.session.store.cwd, env={})
    parent: str | None = None
    for number, text in enumerate(
        (
            "Add a discount to the cart",
            "Round the discount instead",
            "你好，看看这个缓存",
            "Why is the cache so large?",
        )
    ):
        store = Store.create(
            world.session.store.cwd, directory=directory.path, parent_session=parent if number == 1 else None
        )
        store.append_message(user(text))
        if number == 0:
            store.append_session_info("Discounts")
            parent = str(store.path)
        store.close()
        await _age(store, number)
    picker = SessionPicker(
        world.interface.keymap, directory, now=lambda: AT + 1_800_000, current=world.session.store.path
    )
    world.interface.spawn(world.interface.ask(picker))
    await picker.settled()


async def _age(store: Store, number: int) -> None:
    """Messages were said at different times: the file says when."""
    assert store.path is not None
    text = store.path.read_text(encoding="utf-8")
    store.path.write_text(text.replace(str(AT), str(AT - number * 7_200_000)), encoding="utf-8")


async def login(world: World) -> None:
    dialog = LoginDialog(
        world.interface.keymap,
        "Log in to Acme",
        open_page=lambda url: True,
        copy=world.interface.copy,
    )
    await talk(world)
    world.interface.spawn(world.interface.ask(dialog))
    dialog.tell("Waiting for the browser…")
    await dialog.show(
        "https://acme.example/oauth/authorize?client_id=pi&scope=models&state=4f2a", code="WXYZ-1234"
    )
    world.interface.spawn(dialog.paste_address(""))
    await world.until(lambda: "http://localhost" in "".join(world.rows()))


async def trust(world: World) -> None:
    (world.session.store.cwd / ".pi" / "extensions").mkdir(parents=True)
    (world.session.store.cwd / ".pi" / "settings.json").write_text("{}")
    world.interface.spawn(pick_trust(world.interface, Path("/"), session_only=True, note=_BRINGS))
    await world.until(lambda: world.interface.panel is not None)


async def first(world: World) -> None:
    world.interface.spawn(first_run(world.interface, "No model can be used yet: there are no credentials."))
    await world.until(lambda: world.interface.panel is not None)


_BRINGS = (
    "This project brings along: .pi/settings.json, .pi/extensions.\n"
    "With trust its extensions run as you, and its settings and prompts steer the model. "
    "Trust only what you have looked at, or whom you know."
)
_LAYOUTS = (
    Option("Two columns", "wide screens", "```\n┌─────┬─────┐\n│ nav │ text│\n└─────┴─────┘\n```", True),
    Option("One column", "phones", "```\n┌───────────┐\n│ text      │\n└───────────┘\n```"),
)
FIELDS = (
    Field(
        "layout", "Which layout?", "select", _LAYOUTS, "How the page is divided.", required=True, other=True
    ),
    Field("parts", "Which parts?", "multi", (Option("Header"), Option("Footer"), Option("Search"))),
    Field("title", "Title", "text"),
    Field("live", "Put it online at once?", "confirm"),
)

SHOTS = (
    Shot("model", model, (SMALL, LARGE, NARROW), (DARK, LIGHT, PLAIN, ASCII), options=OPTIONS),
    Shot("scoped-models", command("scoped-models", "space", "down"), options=OPTIONS),
    Shot("thinking-levels", thinking, options=OPTIONS),
    Shot("role", command("role"), options=OPTIONS),
    Shot("settings", command("settings"), (SMALL, LARGE, NARROW)),
    Shot("settings-search", command("settings", "'scroll")),
    Shot("settings-value", command("settings maxRetries", "enter")),
    Shot("theme", command("theme")),
    Shot("sessions", sessions, (SMALL, NARROW)),
    Shot("tree", tree, (SMALL, NARROW)),
    Shot("fork", fork),
    Shot("login-list", command("login")),
    Shot("login", login),
    Shot("trust", trust),
    Shot("first-run", first, options={"settings": {}}),
    Shot(
        "select", asked(lambda world: Choice(world.interface.keymap, "Which way?", ("Left", "Right", "Back")))
    ),
    Shot(
        "confirm",
        asked(
            lambda world: Confirm(
                world.interface.keymap, "Delete the branch?", "rm -rf build/ can't be undone."
            )
        ),
    ),
    Shot(
        "input",
        asked(lambda world: TextInput(world.interface.keymap, "What is the ticket?", "ABC-123"), "'ABC-7"),
    ),
    Shot(
        "secret",
        asked(lambda world: TextInput(world.interface.keymap, "API key", secret=True), "'sk-1234"),
    ),
    Shot(
        "editor",
        asked(lambda world: LongText(world.interface.keymap, "Describe the change", "One line\nand another")),
    ),
    Shot(
        "waiting",
        asked(lambda world: Waiting(world.interface.keymap, "Installing", ["Fetching packages…", "3 of 12"])),
    ),
    Shot(
        "form",
        asked(lambda world: FormPanel(world.interface.keymap, "A new page", FIELDS)),
        (SMALL, LARGE, NARROW),
    ),
    Shot(
        "form-multi",
        asked(lambda world: FormPanel(world.interface.keymap, "A new page", FIELDS), "enter", "space"),
    ),
)
