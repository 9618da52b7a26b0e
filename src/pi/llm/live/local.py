"""Servers on the user's own machine, LM Studio, vLLM and Ollama: what they have, and how it can be asked."""

import asyncio
from typing import Any

from pi.llm.errors import ProviderError
from pi.llm.live.asking import Asked, LiveList, count, get_json, part, rows, words

_WINDOW = 32_768  # where a server doesn't say
_MAX_TOKENS = 16_384
_AT_ONCE = 4
BASIC: dict[str, Any] = {
    "supportsStore": False,
    "supportsDeveloperRole": False,
    "supportsStrictMode": False,
    "maxTokensField": "max_tokens",
}
_NO_EFFORT: dict[str, Any] = {"supportsReasoningEffort": False}


def local_model(
    asked: Asked, id: str, window: int | None, *, image: bool = False, **more: Any
) -> dict[str, Any]:
    """A model that costs nothing."""
    window = window or _WINDOW
    return {
        "id": id,
        "name": id,
        "api": "openai-completions",
        "baseUrl": asked.root,
        "input": ["text", "image"] if image else ["text"],
        "contextWindow": window,
        "maxTokens": min(window, _MAX_TOKENS),
        "compat": BASIC | _NO_EFFORT,
        **more,
    }


async def fetch_vllm(asked: Asked) -> LiveList:
    """Whoever lists models as OpenAI does; vLLM adds how long a request may be."""
    answer = await get_json(asked, f"{asked.root}/models")
    return LiveList(
        tuple(
            local_model(asked, row["id"], count(row.get("max_model_len")))
            for row in rows(answer.get("data"))
            if isinstance(row.get("id"), str)
        )
    )


async def fetch_lm_studio(asked: Asked) -> LiveList:
    """LM Studio's own list; that of its OpenAI side where it is too old for it."""
    try:
        answer = await get_json(asked, f"{asked.root.removesuffix('/v1')}/api/v0/models")
        listed = rows(answer.get("data"))
    except ProviderError as error:
        if error.status != 404:
            raise
        return await fetch_vllm(asked)
    return LiveList(
        tuple(
            local_model(
                asked,
                row["id"],
                count(row.get("loaded_context_length"), row.get("max_context_length")),
                image=row.get("type") == "vlm",
            )
            for row in listed
            if isinstance(row.get("id"), str) and row.get("type") != "embeddings"
        )
    )


async def fetch_ollama(asked: Asked) -> LiveList:
    """Ollama's models, each asked for what it can do."""
    root = asked.root.removesuffix("/v1")
    answer = await get_json(asked, f"{root}/api/tags")
    gate = asyncio.Semaphore(_AT_ONCE)

    async def shown(name: str) -> dict[str, Any]:
        async with gate:
            return await get_json(asked, f"{root}/api/show", body={"model": name})

    names = [row["name"] for row in rows(answer.get("models")) if isinstance(row.get("name"), str)]
    details = await asyncio.gather(*map(shown, names))
    pairs = zip(names, details, strict=True)
    return LiveList(tuple(model for name, about in pairs if (model := _of_ollama(asked, name, about))))


def _of_ollama(asked: Asked, name: str, about: dict[str, Any]) -> dict[str, Any]:
    """Nothing for a model that only embeds; older versions don't say what a model can do."""
    abilities = words(about.get("capabilities")) or ["completion"]
    if "completion" not in abilities:
        return {}
    lengths = (
        value for key, value in part(about.get("model_info")).items() if key.endswith(".context_length")
    )
    model = local_model(asked, name, _configured(about) or count(*lengths), image="vision" in abilities)
    if "thinking" not in abilities:
        return model
    levels = {"off": "none", "minimal": None}
    return model | {"reasoning": True, "thinkingLevelMap": levels, "compat": BASIC}


def _configured(about: dict[str, Any]) -> int | None:
    """The context that its Modelfile sets."""
    text = about.get("parameters")
    lines = (line.split() for line in text.splitlines()) if isinstance(text, str) else ()
    found = [pair[1] for pair in lines if len(pair) == 2 and pair[0] == "num_ctx"]
    return int(found[-1]) if found and found[-1].isdecimal() else None
