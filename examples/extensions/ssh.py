"""Work on another machine: read, write, edit and bash run on an ssh host; model and session stay here.

    pi -e examples/extensions/ssh.py --ssh user@host:/srv/app        (or user@host, for its home folder)

Needs a key that ssh can use without asking. Files are fetched, the built-in tools work on the copy, and what
changed is sent back, so results read as always. Without the host every call fails; nothing runs here instead.
"""

import base64
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from shlex import join as shell
from tempfile import TemporaryDirectory
from typing import Any

from pi.ext import (
    BeforeAgentStart,
    Ctx,
    ExtensionAPI,
    RunAs,
    Sections,
    SessionStart,
    Tool,
    ToolContext,
    ToolError,
    ToolResult,
    UserBash,
    replace,
)

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR")  # asks nothing, warns of nothing
MOVED = ("read", "write", "edit", "bash")
LOCAL = ("grep", "find", "ls")  # they would look at this machine


class Host:
    """An ssh host and the folder to work in."""

    def __init__(self, address: str):
        self.name, _, self.folder = address.partition(":")

    async def run(self, ctx: Ctx, script: str, stdin: str = "") -> str:
        """What a script prints over there. Raises ToolError."""
        ran = await ctx.exec([*SSH, self.name, script], stdin=stdin)
        if not ran.ok:
            raise ToolError(ran.output.strip() or f"ssh {self.name} exited with code {ran.code}")
        return ran.output

    async def cwd(self, ctx: Ctx) -> str:
        """The folder as an absolute path."""
        if not self.folder.startswith("/"):
            self.folder = (await self.run(ctx, f"{shell(['cd', self.folder or '.'])} && pwd")).strip()
        return self.folder

    async def argv(self, ctx: Ctx, command: str) -> tuple[str, ...]:
        """What runs a command in the folder."""
        return *SSH, self.name, f"{shell(['cd', await self.cwd(ctx)])} || exit\n{command}"

    async def tool(self, tool: Tool, arguments: dict[str, Any], context: ToolContext, ctx: Ctx) -> ToolResult:
        """A call of a built-in tool: bash over ssh, the others on a copy of the file."""
        if tool.name == "bash":
            command = shell(await self.argv(ctx, arguments["command"]))
            return await tool.run({**arguments, "command": command}, context)
        cwd = await self.cwd(ctx)
        file = normpath(join(cwd, arguments["path"]))
        with TemporaryDirectory() as root:
            here, copy = Path(root + cwd), Path(root + file)
            here.mkdir(parents=True)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if tool.name != "write":
                copy.write_bytes(base64.b64decode(await self.run(ctx, f"base64 < {shell([file])}")))
            done = await tool.run({**arguments, "path": relpath(file, cwd)}, replace(context, cwd=here))
            if tool.name != "read":
                script = f"{shell(['mkdir', '-p', dirname(file)])} && base64 -d > {shell([file])}"
                await self.run(ctx, script, base64.b64encode(copy.read_bytes()).decode())
            return done


def extension(pi: ExtensionAPI) -> None:
    address = pi.flag("ssh", None, "Work on this host: user@host or user@host:/folder")

    def take_over(host: Host, tool: Tool) -> None:
        looks = ("name", "description", "parameters", "prepare", "snippet", "guidelines")
        turns = "sequential" if tool.name in ("write", "edit") else "parallel"  # a copy must not be outdated

        @pi.tool(**{name: getattr(tool, name) for name in looks}, execution=turns)
        async def run(arguments: dict[str, Any], context: ToolContext, ctx: Ctx) -> ToolResult:
            return await host.tool(tool, arguments, context, ctx)

    @pi.on("session_start")
    def start(event: SessionStart, ctx: Ctx) -> None:
        where = address.get()
        if not where:
            return
        host = Host(where)
        for tool in filter(lambda tool: tool.name in MOVED, ctx.tools):
            take_over(host, tool)
        ctx.tools.use([name for name in ctx.tools.active if name not in LOCAL])
        ctx.ui.status(f"ssh {where}")

        @pi.on("user_bash")
        async def typed(event: UserBash, ctx: Ctx) -> RunAs:
            return RunAs(await host.argv(ctx, event.command))

        @pi.on("before_agent_start")
        async def tell(event: BeforeAgentStart, ctx: Ctx) -> Sections:
            return Sections({"cwd": f"{await host.cwd(ctx)} (on {host.name}, over ssh)"})
