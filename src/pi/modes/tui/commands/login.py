"""`/login` and `/logout`; what they take is imported when they run."""

from collections.abc import Iterable, Sequence

from pi.modes.tui.commands.command import Command, Completion
from pi.modes.tui.lines import clean
from pi.modes.tui.stage import Stage


async def login(stage: Stage, args: str) -> None:
    """Log in to the provider that is named or chosen, with an account or a key."""
    from pi.modes.tui.pickers.logins import log_in_to

    await log_in_to(stage, args)


async def logout(stage: Stage, args: str) -> None:
    """Take out what is stored for a provider."""
    from pi.modes.tui.pickers.logins import log_out_of

    await log_out_of(stage, args)


def complete_login(stage: Stage, prefix: str) -> Sequence[Completion]:
    """All providers."""
    from pi.llm.auth.status import auth_statuses

    statuses = auth_statuses(stage.session.setup.registry)
    return _matching(((each.provider, each.title) for each in statuses), prefix)


def complete_logout(stage: Stage, prefix: str) -> Sequence[Completion]:
    """Those for which something is stored."""
    from pi.llm.auth.status import provider_name
    from pi.llm.auth.store import read_auth

    entries, _ = read_auth(stage.session.setup.registry.agent_dir / "auth.json")
    return _matching(((provider, provider_name(provider)) for provider in entries), prefix)


def _matching(providers: Iterable[tuple[str, str]], prefix: str) -> list[Completion]:
    wanted = prefix.lower()
    return [
        Completion(provider, clean(provider), clean(title))
        for provider, title in providers
        if wanted in provider.lower() or wanted in title.lower()
    ]


COMMANDS = (
    Command("login", "Log in to a provider", login, complete_login, "[provider]"),
    Command("logout", "Log out of a provider", logout, complete_logout, "[provider]"),
)
