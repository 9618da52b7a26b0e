"""A provider by its description alone: any server that speaks OpenAI's chat completions.

    GATEWAY_URL=http://127.0.0.1:8000/v1 GATEWAY_KEY=… \\
        pi -e examples/extensions/openai_compatible_provider.py --model gateway/default

The words of the description are those of models.json, so a user's models.json can change each of them. When a
session starts, the server is asked which models it has; one that doesn't answer leaves the list as it is.
"""

import os
from typing import Any

from pi.ext import Ctx, ExtensionAPI, PiError, SessionStart


def extension(pi: ExtensionAPI) -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8000/v1").rstrip("/")

    def declare(*ids: str) -> None:
        pi.provider(
            "gateway",
            name="Our gateway",
            baseUrl=url,
            api="openai-completions",
            apiKey="$GATEWAY_KEY",  # read at each request; the key itself is nowhere in here
            compat={"supportsDeveloperRole": False},
            models=[{"id": id, "contextWindow": 128_000, "maxTokens": 8_192} for id in ids],
        )

    declare("default")

    @pi.on("session_start")
    async def discover(event: SessionStart, ctx: Ctx) -> None:
        key = os.environ.get("GATEWAY_KEY")
        if not key:
            return  # without it the provider's models aren't offered anyway
        try:
            answer = await ctx.http.get(
                f"{url}/models", headers={"authorization": f"Bearer {key}"}, timeout=5
            )
            found: Any = answer.json() if answer.ok else {}
        except PiError as error:
            ctx.ui.notify(f"The gateway doesn't tell its models: {error}", "warning")
            return
        ids = [str(model["id"]) for model in found.get("data", ())]
        declare(*dict.fromkeys(("default", *ids)))
