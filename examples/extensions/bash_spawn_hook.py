"""Every command in your environment: variables and a line of shell before each bash call.

    pi -e examples/extensions/bash_spawn_hook.py

In settings.json, for the model's calls and for the commands that you type with `!`:
`{"extensionSettings": {"bash_spawn_hook": {"env": {"CI": "1"}, "before": "source .venv/bin/activate"}}}`
Gates judge the whole command, with what was put before it.
"""

from shlex import quote

from pi.ext import Ctx, ExtensionAPI, Rewrite, RunAs, ToolCallEvent, UserBash


def extension(pi: ExtensionAPI) -> None:
    env = pi.setting("env", dict[str, str](), "Variables for each command", type=dict[str, str])
    before = pi.setting("before", "", "Shell that is run before each command")

    def extended(command: str) -> str:
        exports = [
            f"export {name}={quote(value)}" for name, value in env.get().items() if name.isidentifier()
        ]
        return "\n".join(filter(None, (*exports, before.get(), command)))

    @pi.on("tool_call")
    def model_runs(event: ToolCallEvent, ctx: Ctx) -> Rewrite | None:
        if event.tool_name != "bash":
            return None
        return Rewrite({**event.arguments, "command": extended(event.arguments["command"])})

    @pi.on("user_bash")
    def user_runs(event: UserBash, ctx: Ctx) -> RunAs:
        return RunAs(extended(event.command), cwd=event.cwd)
