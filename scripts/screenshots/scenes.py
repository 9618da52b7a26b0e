"""What the pictures show."""

import asyncio
from typing import Any

from pi.modes.tui.interface import Interface
from pi.modes.tui.pickers.models import pick_model
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
    """The selector of models over an answer."""
    await prompt(interface, "Which of my models would you take for a large refactoring?", "steer")
    await interface.session.wait_idle()
    await interface.session.models.use("anthropic/claude-sonnet-4-5", "high")
    interface.spawn(pick_model(interface))
    await asyncio.sleep(0)  # it begins


def _model(id: str, name: str, window: int, price: tuple[float, float], **fields: Any) -> dict[str, Any]:
    cost = {"input": price[0], "output": price[1]}
    return {"id": id, "name": name, "contextWindow": window, "maxTokens": 64_000, "cost": cost, **fields}


def _provider(*models: dict[str, Any]) -> dict[str, Any]:
    return {
        "baseUrl": "http://127.0.0.1:1/v1",
        "api": "openai-completions",
        "apiKey": "key",
        "models": list(models),
    }


_THINKS: dict[str, Any] = {"reasoning": True, "input": ["text", "image"]}
_MODELS = {  # written down here, so that the picture doesn't change with the catalog
    "anthropic": _provider(
        _model("claude-opus-4-1", "Claude Opus 4.1", 200_000, (15, 75), **_THINKS),
        _model("claude-sonnet-4-5", "Claude Sonnet 4.5", 1_000_000, (3, 15), **_THINKS),
        _model("claude-haiku-4-5", "Claude Haiku 4.5", 200_000, (1, 5), **_THINKS),
    ),
    "openai": _provider(
        _model("gpt-5", "GPT-5", 400_000, (1.25, 10), **_THINKS),
        _model("gpt-5-mini", "GPT-5 mini", 400_000, (0.25, 2), **_THINKS),
    ),
    "google": _provider(_model("gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, (1.25, 10), **_THINKS)),
    "ollama": _provider(_model("qwen3-coder:30b", "Qwen3 Coder", 262_144, (0, 0))),
}


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
    height=48,
)
CHOICE = Scene(
    choose_model,
    (
        "One that thinks and has room for the whole project: **claude-sonnet-4-5** with *high*. "
        "For the small steps after it a cheaper one will do, such as `gpt-5-mini`.",
    ),
    models=_MODELS,
    scope=tuple(f"{provider}/{model['id']}" for provider, it in _MODELS.items() for model in it["models"]),
    height=26,
)
SCENES = {"terminal": WORK, "model": CHOICE}
