"""`/trust`: decide about the project's own settings and extensions, for the starts to come."""

from pi.harness.trust import needs_trust
from pi.modes.tui.commands.command import Command
from pi.modes.tui.lines import clean
from pi.modes.tui.pickers.trust import pick_trust, question, save_decision
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Save what people decide. It counts when settings and extensions are read the next time."""
    session = stage.session
    cwd, trusted = session.store.cwd, session.setup.trusted
    if needs_trust(cwd):
        note = f"{question(cwd)}\nNow it is {'trusted' if trusted else 'not trusted'}."
    else:
        note = "This project brings nothing along that needs trust. A decision counts for what comes later."
    decision = await pick_trust(stage, cwd, session_only=False, note=note)
    if decision is None:
        return
    save_decision(stage.agent_dir, cwd, decision)
    word = "trusted" if decision.trusted else "not trusted"
    text = f"{clean(str(decision.folder))} is {word} from now on."
    stage.notify(text if decision.trusted == trusted else f"{text} To let it count at once: /reload")


COMMAND = Command("trust", "Decide whether this project's own settings are used", run)
