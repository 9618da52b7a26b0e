"""The question whether a project's own settings and extensions may be used."""

from pathlib import Path

from msgspec import Struct

from pi.harness.trust import protected_in, save_trust
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.panel import Asks
from pi.modes.tui.panels.picker import Picker, Row


class Decision(Struct, frozen=True):
    """Whether to trust, and the folder for which that is kept; None: for this session alone."""

    trusted: bool
    folder: Path | None = None


async def ask_trust(asks: Asks, cwd: Path, agent_dir: Path) -> bool:
    """Whether to trust the project at `cwd`, which brings protected files; what is to be kept is saved.

    Somebody who goes away doesn't trust it this time. Raises ConfigError and LockedError of trust.json.
    """
    decision = await pick_trust(asks, cwd, session_only=True)
    if decision is None:
        return False
    save_decision(agent_dir, cwd, decision)
    return decision.trusted


async def pick_trust(
    asks: Asks, cwd: Path, *, session_only: bool, current: bool | None = None, note: str = ""
) -> Decision | None:
    """Let people decide; None when they don't."""
    cwd = cwd.resolve()
    parent = cwd.parent
    decisions = [(Decision(True, cwd), "Trust", "this folder and what is below it, from now on")]
    if parent != cwd:
        decisions.append((Decision(True, parent), "Trust parent folder", f"all below {parent}"))
    if session_only:
        decisions.append((Decision(True), "Trust this session only", "ask again next time"))
    decisions.append((Decision(False, cwd), "Don't trust", "never use them here"))
    if session_only:
        decisions.append((Decision(False), "Don't trust this session", "ask again next time"))
    rows = [
        Row(
            decision,
            label,
            clean(detail),
            mark="✓" if current is not None and decision == Decision(current, cwd) else "",
        )
        for decision, label, detail in decisions
    ]
    row = await asks.ask(
        Picker(
            asks.keymap,
            f"Trust {clean(str(cwd))}?",
            rows,
            search=False,
            note=note or question(cwd),
        )
    )
    return None if row is None else row.id


def question(cwd: Path) -> str:
    """What there is to decide about."""
    names = ", ".join(clean(name) for name in protected_in(cwd))
    return (
        f"This project brings along: {names}.\n"
        "With trust its extensions run as you, and its settings and prompts steer the model. "
        "Trust only what you have looked at, or whom you know."
    )


def save_decision(agent_dir: Path, cwd: Path, decision: Decision) -> None:
    """Keep a decision in trust.json; one for the parent takes the place of the folder's own."""
    if decision.folder is None:
        return
    cwd = cwd.resolve()
    if decision.folder != cwd:
        save_trust(agent_dir, cwd, None)
    save_trust(agent_dir, decision.folder, decision.trusted)
