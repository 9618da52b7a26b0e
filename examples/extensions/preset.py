"""Presets: model, thinking level, tools and instructions under one name.

    pi -e examples/extensions/preset.py --preset review

`/preset review` takes another one, `/preset` alone lets you pick, `/preset off` goes back to what was before.
The presets are a setting; what one doesn't name stays as it was:

    {"extensionSettings": {"preset": {"presets": {
        "review": {"model": "anthropic/claude-opus-4-5", "level": "high", "tools": ["read", "grep"],
                   "prompt": "Review the code; change nothing."}}}}}

The one in use is state of the branch: it comes back when the session is resumed.
"""

from dataclasses import dataclass, replace
from typing import Literal

from pi.ext import BeforeAgentStart, Ctx, ExtensionAPI, PiError, Sections, SessionStart, SessionTree


@dataclass(frozen=True)
class Preset:
    model: str | None = None
    level: Literal["off", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    tools: list[str] | None = None
    prompt: str = ""
    name: str = ""


class Presets:
    def __init__(self, pi: ExtensionAPI):
        self.known = pi.setting("presets", {}, "The presets by name", type=dict[str, Preset])
        self.in_use = pi.state("in_use", None, type=Preset)
        self.before = pi.state("before", None, type=Preset)  # what "off" goes back to
        self.otherwise: list[str] | None = None  # the tools of branches without a preset

    async def use(self, ctx: Ctx, name: str) -> None:
        now = Preset(ctx.models.current.ref, ctx.models.level, ctx.tools.active)
        before = self.before.get(ctx) or now
        preset = before if name == "off" else self.known.get().get(name)
        if preset is None:
            known = ", ".join(self.known.get()) or "none yet; write some into settings.json"
            ctx.ui.notify(f'There is no preset "{name}". There are: {known}.', "warning")
            return
        try:
            if preset.model and preset.model != now.model:
                await ctx.models.use(preset.model)
            if preset.level:
                await ctx.models.think(preset.level)
        except PiError as error:  # no such model, or no key for it
            ctx.ui.notify(f'The preset "{name}" isn\'t used: {error}', "error")
            return
        tools = before.tools if preset.tools is None else preset.tools
        self.in_use.set(ctx, None if name == "off" else replace(preset, name=name, tools=tools))
        self.before.set(ctx, None if name == "off" else before)
        self.otherwise = before.tools
        self.follow(ctx)

    def follow(self, ctx: Ctx) -> None:
        """Have the tools of this branch again; model and level the session keeps by itself."""
        preset, before = self.in_use.get(ctx), self.before.get(ctx)
        tools = preset.tools if preset else self.otherwise
        if tools is not None:
            ctx.tools.use(tools)
        self.otherwise = before.tools if before else None
        ctx.ui.status(preset.name if preset else None)


def extension(pi: ExtensionAPI) -> None:
    flag = pi.flag("preset", "", "Begin with this preset")
    presets = Presets(pi)

    @pi.command("preset")
    async def preset(args: str, ctx: Ctx) -> None:
        """Take a preset: /preset NAME, /preset off, or /preset to pick one"""
        if name := args or await ctx.ui.select("Preset", [*presets.known.get(), "off"]):
            await presets.use(ctx, name)

    @pi.on("session_start")
    async def start(event: SessionStart, ctx: Ctx) -> None:
        presets.follow(ctx)
        if flag.get() and event.reason == "startup":
            await presets.use(ctx, flag.get())

    @pi.on("session_tree")
    def moved(event: SessionTree, ctx: Ctx) -> None:
        presets.follow(ctx)

    @pi.on("before_agent_start")
    def tell(event: BeforeAgentStart, ctx: Ctx) -> Sections | None:
        preset = presets.in_use.get(ctx)
        return Sections({"preset": preset.prompt}) if preset and preset.prompt else None
