"""llama.cpp's list: the models that its router has loaded or loads by itself, or that of a plain server."""

from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from pi.llm.errors import ProviderError, TransportError
from pi.llm.live.asking import Asked, LiveList, count, get_json, part, rows, words
from pi.llm.live.local import BASIC, local_model
from pi.llm.providers import PROVIDERS

_PLAIN = "http://127.0.0.1:8080/v1"  # where a server listens that is no router
_LEVELS = {"off": "off", "minimal": None, "low": None, "medium": "medium", "high": None, "xhigh": None}


async def fetch(asked: Asked) -> LiveList:
    """The models that can be asked now. Without an address of the user's both usual ones are tried."""
    try:
        return await _fetch(asked)
    except TransportError:
        if asked.root != PROVIDERS["llama.cpp"].base_url:
            raise
    return await _fetch(replace(asked, root=_PLAIN))


async def _fetch(asked: Asked) -> LiveList:
    root = asked.root.removesuffix("/v1")
    answer = await get_json(asked, f"{root}/models")
    listed = [row for row in rows(answer.get("data")) if isinstance(row.get("id"), str)]
    loads = any(_status(row) == "unloaded" for row in listed) and await _autoload(asked, root)
    found: list[dict[str, Any]] = []
    for row in listed:
        if _is_chat(row) and _can_be_asked(row, loads):
            props = await _props(asked, root, row["id"]) if _status(row) in ("loaded", "") else {}
            found.append(_model(asked, row, props))
    return LiveList(tuple(found))


def _status(row: dict[str, Any]) -> str:
    """A router's word for it; a plain server has none."""
    return str(part(row.get("status")).get("value", ""))


def _can_be_asked(row: dict[str, Any], loads: bool) -> bool:
    status = _status(row)
    failed = bool(part(row.get("status")).get("failed"))
    return status in ("", "loaded", "sleeping") or (
        loads and status == "unloaded" and not failed and row.get("source") == "preset"
    )


def _is_chat(row: dict[str, Any]) -> bool:
    """Models that only decide aren't for conversations."""
    modalities = words(part(row.get("architecture")).get("output_modalities"))
    return "decisions" not in modalities or "text" in modalities


def _model(asked: Asked, row: dict[str, Any], props: dict[str, Any]) -> dict[str, Any]:
    meta = part(row.get("meta"))
    window = count(meta.get("n_ctx"), _asked_for(row), meta.get("n_ctx_train"))
    image = "image" in words(part(row.get("architecture")).get("input_modalities"))
    model = local_model(asked, row["id"], window or 128_000, image=image)
    model["maxTokens"] = model["contextWindow"]
    if "enable_thinking" not in str(props.get("chat_template", "")):
        return model
    compat = BASIC | {"supportsReasoningEffort": False, "thinkingFormat": "qwen-chat-template"}
    return model | {"reasoning": True, "thinkingLevelMap": _LEVELS, "compat": compat}


def _asked_for(row: dict[str, Any]) -> int | None:
    """The window that the router starts a model with, by its arguments."""
    arguments = words(part(row.get("status")).get("args"))
    pairs = pairwise(arguments)
    values = (value for flag, value in pairs if flag in ("--ctx-size", "-c", "-ctx"))
    return next((int(value) for value in values if value.isdecimal() and int(value)), None)


async def _autoload(asked: Asked, root: str) -> bool:
    return (await _props(asked, root)).get("models_autoload") is True


async def _props(asked: Asked, root: str, model: str = "") -> dict[str, Any]:
    """What a server or one of its models says of itself; nothing when it doesn't."""
    from urllib.parse import quote

    query = f"?model={quote(model, safe='')}&autoload=false" if model else ""
    try:
        return await get_json(asked, f"{root}/props{query}")
    except ProviderError:
        return {}
