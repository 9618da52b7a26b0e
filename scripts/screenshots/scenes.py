"""What the pictures show."""

import asyncio
from typing import Any

from pi.modes.tui.commands import find_command
from pi.modes.tui.interface import Interface
from pi.modes.tui.submitting import prompt
from pi.testing import call
from scripts.screenshots.still import Scene

_CART = '''\
def total(prices: list[float], discount: float = 0) -> float:
    """What a cart costs, after the discount in percent.

    >>> total([20, 30], 10)
    45.0
    """
    return sum(prices) * (1 - discount)
'''


async def work(interface: Interface) -> None:
    """A small job from its beginning to its end."""
    await prompt(interface, "The example of the cart fails. Find out why and fix it.", "steer")
    await interface.session.wait_idle()


async def choose_model(interface: Interface) -> None:
    """The selector of models over the same job."""
    await work(interface)
    await interface.session.models.use("anthropic/claude-sonnet-4-5")
    interface.fold.model_changed()
    command = find_command("model")
    assert command is not None
    interface.spawn(command.run(interface, ""))
    while interface.panel is None:
        await asyncio.sleep(0)
    interface.panel.paste("gpt gem")
    interface.panel.paste("")


def _provider(api: str, *models: dict[str, Any]) -> dict[str, Any]:
    return {"baseUrl": "https://example.com/v1", "api": api, "apiKey": "key", "models": list(models)}


def _model(id: str, name: str, window: int, price: tuple[float, float], **fields: Any) -> dict[str, Any]:
    cost = {"input": price[0], "output": price[1]}
    return {"id": id, "name": name, "contextWindow": window, "maxTokens": 64_000, "cost": cost, **fields}


WORK = Scene(
    work,
    (
        call("read", path="cart.py"),
        call(
            "edit",
            path="cart.py",
            edits=[{"oldText": "(1 - discount)", "newText": "(1 - discount / 100)"}],
        ),
        call("bash", command="python3 -m doctest cart.py && echo all examples pass"),
        "The discount was taken for a share, not for **percent**: `total([20, 30], 10)` gave `-450`. "
        "It is divided by 100 now, and the example passes.\n\n"
        "Two things to know:\n\n"
        "- Callers that passed a share, such as `0.1`, get another result now.\n"
        "- A discount above 100 still gives a negative total.",
    ),
    {"shop/cart.py": _CART},
    height=40,
)
SCENES = {"terminal": WORK}
