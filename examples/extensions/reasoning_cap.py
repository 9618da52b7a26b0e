"""An end to endless thinking: a response that thinks too long is dropped and asked again, at last stopped.

    pi -e examples/extensions/reasoning_cap.py

What happens when a response has thought more than `tokens` (a setting): the model is asked again at a low
level; then the model of the setting `instead`, if there is one, for the rest of the run; then the run ends.
"""

from typing import Any

from pi.ext import AgentStart, AskAgain, Ctx, ExtensionAPI, Stop, reasoning_cap

NOTE = "You have thought long enough. Say what you know and take the next step."


def extension(pi: ExtensionAPI) -> None:
    tokens = pi.setting("tokens", 8_000, "Most tokens of thinking in one response")
    instead = pi.setting("instead", "", "Model to ask when thinking less didn't help")
    steps: list[AskAgain | Stop] = []
    over = reasoning_cap(0)

    @pi.on("agent_start")
    def begin(event: AgentStart, ctx: Ctx) -> None:
        nonlocal over
        over = reasoning_cap(tokens.get())
        steps[:] = [AskAgain(NOTE, thinking="low")]
        if instead.get():
            steps.append(AskAgain(NOTE, model=instead.get(), until="run"))
        steps.append(Stop(f"The model thought for more than {tokens.get()} tokens, again and again."))

    @pi.stream_guard
    def guard(event: Any, stream: Any, ctx: Ctx) -> AskAgain | Stop | None:
        if not over(event):
            return None
        return steps.pop(0) if len(steps) > 1 else steps[0]
