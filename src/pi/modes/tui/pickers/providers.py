"""The selectors of a login: which provider, and which of its ways in."""

from collections.abc import Sequence

from pi.llm.auth.status import AuthStatus
from pi.llm.logins import Method
from pi.llm.logins.doing import login_note, login_title
from pi.llm.providers import PROVIDERS
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.stage import Stage

KEY, SERVER = "api_key", "server"
Way = Method | str  # a method of a login with an account, KEY, or SERVER for one that needs neither

_WAYS: dict[str, tuple[str, str]] = {
    "browser": ("In the browser", "opens a page on this machine"),
    "device": ("With a code", "on this or another device: good over SSH"),
    KEY: ("With an API key", "stored in auth.json, for you alone"),
    SERVER: ("Without a key", "the server is asked which models it has"),
}


async def pick_provider(stage: Stage, statuses: Sequence[AuthStatus], title: str) -> AuthStatus | None:
    """Let people choose one; None when they don't. Those with an account stand first."""
    ordered = sorted(statuses, key=lambda each: (not each.methods, each.title.lower()))
    row = await stage.ask(
        Picker(
            stage.keymap,
            title,
            [provider_row(each) for each in ordered],
            hints=[("tui.select.confirm", "go on")],
            empty="No provider matches.",
        )
    )
    return None if row is None else next(each for each in ordered if each.provider == row.id)


def provider_row(status: AuthStatus) -> Row:
    """A provider, and how things stand with it."""
    return Row(
        id=status.provider,
        label=clean(status.title),
        detail=clean(standing(status) or _account(status)),
        mark="✓" if status.auth_type else "",
        description=clean(_ways(status)),
        search=clean(f"{status.title} {status.provider}"),
    )


def standing(status: AuthStatus) -> str:
    """Whether there are credentials, and from where."""
    match status.auth_type:
        case None:
            return ""
        case "oauth":
            return "logged in"
        case "api_key":
            where = status.source
    if not where:
        return "ready"
    return f"key in {where}" if where.endswith(".json") else f"key from ${where}"


async def pick_way(
    stage: Stage, status: AuthStatus, *, accounts: bool = True, keys: bool = True
) -> Way | None:
    """Let people choose how to log in; where there is one way alone, it is that."""
    ways: list[Way] = list(status.methods) if accounts else []
    if is_local(status.provider):
        ways.append(SERVER)
    if keys and takes_key(status):
        ways.append(KEY)
    if len(ways) == 1:
        return ways[0]
    rows = [Row(way, *_WAYS[way]) for way in ways]
    row = await stage.ask(Picker(stage.keymap, f"Log in to {clean(status.title)}", rows, search=False))
    return None if row is None else row.id


def is_local(provider: str) -> bool:
    """Whether it is a server on the user's own machine."""
    known = PROVIDERS.get(provider)
    return known is not None and known.local


def takes_key(status: AuthStatus) -> bool:
    """Whether a key is of use to it."""
    known = PROVIDERS.get(status.provider)
    return status.takes_key and (known is None or not known.local or bool(known.env))


def _ways(status: AuthStatus) -> str:
    if is_local(status.provider):
        return "A server on this machine"
    ways = ["an account"] if status.methods else []
    ways += ["an API key"] if status.takes_key else []
    note = login_note(status.provider)
    return f"With {' or '.join(ways)}. {note}".rstrip() if note else f"With {' or '.join(ways)}"


def _account(status: AuthStatus) -> str:
    """Which account it is, where the login's name says more than the provider's."""
    if not status.methods:
        return ""
    _, _, within = login_title(status.provider).partition("(")
    return within.rstrip(")") or "account"
