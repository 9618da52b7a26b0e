"""GitHub Copilot's list: the models that the account's plan and policies leave."""

from typing import Any

from pi.llm.live.asking import Asked, LiveList, count, get_json, part, rows, words

_API_VERSION = "2026-06-01"
# Accounts of one person may have every picker flag off, although models are enabled.
_INDIVIDUAL = "https://api.individual.githubcopilot.com"
_APIS = {  # by endpoint, the one that tells most first
    "/v1/messages": "anthropic-messages",
    "/responses": "openai-responses",
    "/chat/completions": "openai-completions",
}


async def fetch(asked: Asked) -> LiveList | None:
    """The models that can be picked and aren't disabled. Policies are shown on github.com, and left alone."""
    answer = await get_json(asked, f"{asked.root}/models", {"x-github-api-version": _API_VERSION})
    able = [
        row
        for row in rows(answer.get("data"))
        if isinstance(row.get("id"), str)
        and part(part(row.get("capabilities")).get("supports")).get("tool_calls") is not False
    ]
    picked = [row for row in able if row.get("model_picker_enabled") is True and _policy(row) != "disabled"]
    if not picked and asked.root == _INDIVIDUAL:
        picked = [row for row in able if _policy(row) == "enabled"]
    known = {model.id for model in asked.known}
    models = [{"id": row["id"]} if row["id"] in known else _new(row, asked) for row in picked]
    return LiveList(tuple(model for model in models if model))


def _policy(row: dict[str, Any]) -> object:
    return part(row.get("policy")).get("state")


def _new(row: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """A model that the catalog doesn't have yet; nothing when it doesn't say how it is asked."""
    endpoints = words(row.get("supported_endpoints"))
    api = next((api for endpoint, api in _APIS.items() if endpoint in endpoints), None)
    if api is None:
        return {}
    capabilities = part(row.get("capabilities"))
    limits, supports = part(capabilities.get("limits")), part(capabilities.get("supports"))
    window = count(limits.get("max_context_window_tokens")) or 128_000
    efforts = words(supports.get("reasoning_effort"))
    return {
        "id": row["id"],
        "name": row.get("name") or row["id"],
        "api": api,
        "baseUrl": asked.root,
        "reasoning": bool(efforts),
        "input": ["text", "image"] if supports.get("vision") is True else ["text"],
        "contextWindow": window,
        "maxTokens": count(limits.get("max_output_tokens")) or min(16_384, window),
    }
