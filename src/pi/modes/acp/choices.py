"""What can be chosen for a session: its model or role, and how hard it thinks.

Editors show a session's modes and options as menus beside the prompt. Thinking levels are both: an option
of the category that the protocol has for them, and the modes for editors that know no options yet.
"""

from collections.abc import Sequence
from typing import Any, get_args

from acp import RequestError
from acp.schema import (
    SessionConfigOptionBoolean,
    SessionConfigOptionSelect,
    SessionConfigSelectGroup,
    SessionConfigSelectOption,
    SessionMode,
    SessionModeState,
)

from pi.harness.session import Session
from pi.llm.messages import ThinkingLevel
from pi.llm.models import Model, supported_levels
from pi.modes.acp.clean import shown
from pi.modes.acp.failures import INVALID

MODEL, THINKING = "model", "thinking"
_NAMES: dict[str, str] = {"off": "No thinking", "xhigh": "Very high", "max": "Maximum"}


def modes(session: Session) -> SessionModeState:
    """The thinking levels of the session's model."""
    levels = [SessionMode(id=level, name=_name(level)) for level in supported_levels(session.model)]
    return SessionModeState(current_mode_id=_level(session), available_modes=levels)


def options(session: Session) -> list[SessionConfigOptionSelect | SessionConfigOptionBoolean]:
    """The model, by provider and below the roles of the settings, and the thinking level."""
    models = _models(session)
    providers = dict.fromkeys(model.provider for model in models)
    groups = [
        SessionConfigSelectGroup(
            group=provider,
            name=shown(provider),
            options=[_model_option(model) for model in models if model.provider == provider],
        )
        for provider in providers
    ]
    if roles := session.setup.registry.roles:
        named = [SessionConfigSelectOption(value=f"@{name}", name=f"@{shown(name)}") for name in roles]
        groups.insert(0, SessionConfigSelectGroup(group="@", name="Roles", options=named))
    role = session.models.role
    current = f"@{role}" if role in session.setup.registry.roles else session.model.ref
    model = SessionConfigOptionSelect(
        type="select", id=MODEL, name="Model", category="model", current_value=current, options=groups
    )
    levels = [
        SessionConfigSelectOption(value=level, name=_name(level)) for level in supported_levels(session.model)
    ]
    thinking = SessionConfigOptionSelect(
        type="select",
        id=THINKING,
        name="Thinking",
        category="thought_level",
        current_value=_level(session),
        options=levels,
    )
    return [model, thinking]


async def choose(session: Session, option: str, value: Any) -> None:
    """Set one of the options. Raises RequestError for what there isn't, PiError for what can't be used."""
    match option:
        case "model":
            known = {model.ref: model for model in _models(session)}
            if value not in known and not str(value).startswith("@"):
                raise RequestError(INVALID, f"There is no model {value}. Choose one of the list.")
            await session.models.use(known.get(value, str(value)))
        case "thinking":
            await think(session, value)
        case _:
            raise RequestError(INVALID, f"There is no option {option}. There are {MODEL} and {THINKING}.")


async def think(session: Session, value: Any) -> None:
    """Think at one of the model's levels. Raises RequestError for another."""
    levels: Sequence[ThinkingLevel] = get_args(ThinkingLevel)
    level = next((level for level in levels if level == value), None)
    if level is None or level not in supported_levels(session.model):
        there = ", ".join(supported_levels(session.model))
        raise RequestError(INVALID, f"{session.model.ref} has no thinking level {value}. It has: {there}.")
    await session.models.think(level)


def _models(session: Session) -> list[Model]:
    """Those that the user has named to choose from, else all usable ones; the current one is always there."""
    models = session.models.scope
    return models if any(model.ref == session.model.ref for model in models) else [session.model, *models]


def _model_option(model: Model) -> SessionConfigSelectOption:
    return SessionConfigSelectOption(
        value=model.ref, name=shown(model.name or model.id), description=model.ref
    )


def _level(session: Session) -> str:
    levels = supported_levels(session.model)
    return session.thinking_level if session.thinking_level in levels else levels[0]


def _name(level: str) -> str:
    return _NAMES.get(level, level.capitalize())
