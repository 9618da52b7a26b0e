"""How messages are delivered, compaction and retries: switches are kept in the user's settings."""

from typing import Any

from msgspec import Struct

from pi.harness.compaction.attempt import compaction_result
from pi.modes.rpc.call import Call, Command, NoArguments


class Mode(Struct, frozen=True):
    """ "all", or "one-at-a-time" and everything else."""

    mode: str


class Switch(Struct, frozen=True):
    """On or off."""

    enabled: bool


class Compact(Struct, frozen=True, rename="camel"):
    """What the summary should look at most."""

    custom_instructions: str | None = None


async def set_steering_mode(call: Call, given: Mode) -> None:
    _set_mode(call, given.mode, steering=True)


async def set_follow_up_mode(call: Call, given: Mode) -> None:
    _set_mode(call, given.mode, steering=False)


async def compact(call: Call, given: Compact) -> Any:
    entry = await call.session.compact(given.custom_instructions)
    return compaction_result(entry, call.session.messages)


async def set_auto_compaction(call: Call, given: Switch) -> None:
    call.session.setup.settings.save("compaction.enabled", given.enabled)


async def set_auto_retry(call: Call, given: Switch) -> None:
    call.session.setup.settings.save("retry.enabled", given.enabled)


async def abort_retry(call: Call, given: NoArguments) -> None:
    call.session.recovery.cancel()


def _set_mode(call: Call, mode: Any, *, steering: bool) -> None:
    call.session.queue.set_mode(mode, steering=steering)


COMMANDS = {
    "set_steering_mode": Command(Mode, set_steering_mode),
    "set_follow_up_mode": Command(Mode, set_follow_up_mode),
    "compact": Command(Compact, compact),
    "set_auto_compaction": Command(Switch, set_auto_compaction),
    "set_auto_retry": Command(Switch, set_auto_retry),
    "abort_retry": Command(NoArguments, abort_retry),
}
