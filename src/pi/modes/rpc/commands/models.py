"""Which model answers, and how hard it thinks."""

from typing import Any

from msgspec import Struct, to_builtins

from pi.llm.messages import ThinkingLevel
from pi.llm.models import LEVELS, supported_levels
from pi.modes.rpc.call import Call, Command, NoArguments, RpcError
from pi.modes.rpc.views import model_view


class ModelRef(Struct, frozen=True, rename="camel"):
    """A model by provider and id."""

    provider: str = "undefined"
    model_id: str = "undefined"


class Level(Struct, frozen=True):
    """A thinking level; one that the model lacks counts as the nearest."""

    level: str


async def set_model(call: Call, given: ModelRef) -> dict[str, Any]:
    if given.model_id.startswith("@") and given.provider in ("", "undefined"):
        await call.session.models.use(given.model_id)
        return model_view(call.session.model)
    for model in call.session.models.available():
        if (model.provider, model.id) == (given.provider, given.model_id):
            await call.session.models.use(model)
            return model_view(model)
    raise RpcError(f"Model not found: {given.provider}/{given.model_id}", "not_found")


async def cycle_model(call: Call, given: NoArguments) -> dict[str, Any] | None:
    cycled = await call.session.models.cycle()
    if cycled is None:
        return None
    return {**to_builtins(cycled, enc_hook=str), "model": model_view(cycled.model)}


async def get_available_models(call: Call, given: NoArguments) -> dict[str, Any]:
    return {"models": [model_view(model) for model in call.session.models.available()]}


async def set_thinking_level(call: Call, given: Level) -> None:
    known: dict[str, ThinkingLevel] = {level: level for level in LEVELS}
    lowest = supported_levels(call.session.model)[0]
    await call.session.models.think(known.get(given.level, lowest))


async def cycle_thinking_level(call: Call, given: NoArguments) -> dict[str, Any] | None:
    level = await call.session.models.cycle_level()
    return None if level is None else {"level": level}


async def get_available_thinking_levels(call: Call, given: NoArguments) -> dict[str, Any]:
    return {"levels": supported_levels(call.session.model)}


COMMANDS = {
    "set_model": Command(ModelRef, set_model),
    "cycle_model": Command(NoArguments, cycle_model),
    "get_available_models": Command(NoArguments, get_available_models),
    "set_thinking_level": Command(Level, set_thinking_level),
    "cycle_thinking_level": Command(NoArguments, cycle_thinking_level),
    "get_available_thinking_levels": Command(NoArguments, get_available_thinking_levels),
}
