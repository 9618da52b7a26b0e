"""The user's own shell commands."""

from typing import Any

from msgspec import Struct

from pi.modes.rpc.call import Call, Command, NoArguments


class Bash(Struct, frozen=True, rename="camel"):
    """A command, and whether the model is not to see it."""

    command: str
    exclude_from_context: bool = False


async def bash(call: Call, given: Bash) -> dict[str, Any]:
    done = await call.session.shell.run(
        given.command, exclude_from_context=given.exclude_from_context, id=call.id
    )
    shown: dict[str, Any] = {"output": done.output, "cancelled": done.cancelled, "truncated": done.truncated}
    if done.exit_code is not None:
        shown["exitCode"] = done.exit_code
    if done.full_output_path is not None:
        shown["fullOutputPath"] = done.full_output_path
    return shown


async def abort_bash(call: Call, given: NoArguments) -> None:
    call.session.shell.abort()


COMMANDS = {
    "bash": Command(Bash, bash),
    "abort_bash": Command(NoArguments, abort_bash),
}
