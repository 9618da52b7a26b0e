"""The selector of models: those that can be used, searched by provider, name and id."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from pi.llm.models import Model, supported_levels
from pi.llm.patterns import Choice, resolve_scope
from pi.modes.tui.lines import cells, clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError

SAVE = "app.models.save"
TAB = "tui.input.tab"
NO_MODELS = (
    "No model can be used yet: there are no credentials for any provider. Use /login, "
    "or set a variable such as ANTHROPIC_API_KEY and start Pi again."
)


class Picked(Struct, frozen=True):
    """What was chosen, and whether new sessions are to begin with it, too."""

    choice: Choice
    default: bool = False


async def pick_model(stage: Stage, *, query: str = "", provider: str | None = None) -> Picked | None:
    """Let people choose; None when they don't. models.json is read anew, and its faults are told.

    With `provider` only its models are offered. Raises PiError when there are none.
    """
    session = stage.session
    registry = session.setup.registry
    registry.reload()
    models = [each for each in registry.available() if provider in (None, each.provider)]
    for fault in dict.fromkeys(registry.warnings):
        stage.notify(fault, "error")
    if not models:
        raise PiError(NO_MODELS if provider is None else f"{provider} has no models that can be used.")
    lists = [("Model", [Choice(model) for model in models])]
    if provider is None and session.setup.model_scope:
        scoped, _ = resolve_scope(registry, session.setup.model_scope)
        if scoped:
            lists = [("Model · scope", scoped), ("Model · all", lists[0][1])]
    return await _ask(stage, lists, query)


async def _ask(stage: Stage, lists: list[tuple[str, list[Choice]]], query: str) -> Picked | None:
    current, default = stage.session.model.ref, False

    def save() -> None:
        nonlocal default
        if picker.selected is not None:
            default = True
            picker.finish(picker.selected)

    def other() -> None:
        lists.append(lists.pop(0))
        picker.title = lists[0][0]
        chosen = picker.selected
        picker.set_rows(model_rows(lists[0][1], current), selected=chosen.id if chosen else current)

    on: dict[str, Callable[[], None]] = {SAVE: save}
    hints = [("tui.select.confirm", "use"), (SAVE, "use, and save as default")]
    if len(lists) > 1:
        on[TAB] = other
        hints.append((TAB, "scope or all"))
    picker = Picker(
        stage.keymap,
        lists[0][0],
        model_rows(lists[0][1], current),
        selected=current,
        hints=hints,
        on=on,
        query=query,
        empty="No model that can be used matches.",
    )
    row = await stage.ask(picker)
    if row is None:
        return None
    return Picked(next(each for each in lists[0][1] if each.model.ref == row.id), default)


def model_rows(choices: Sequence[Choice], current: str) -> list[Row]:
    """A row for each; their facts stand below one another."""
    facts = [(each.model.provider, tokens(each.model.context_window), price(each.model)) for each in choices]
    widths = [max((cells(fact[at]) for fact in facts), default=0) for at in range(3)]
    rows: list[Row] = []
    for each, (provider, window, cost) in zip(choices, facts, strict=True):
        model = each.model
        level = f":{each.thinking}" if each.thinking else ""
        rows.append(
            Row(
                id=model.ref,
                label=clean(f"{model.id}{level}"),
                detail=clean(f"{provider:<{widths[0]}}  {window:>{widths[1]}}  {cost:<{widths[2]}}").rstrip(),
                mark="✓" if model.ref == current else "",
                description=clean(about(model)),
                search=clean(f"{provider} {model.id} {model.name} {model.ref}"),
            )
        )
    return rows


def about(model: Model) -> str:
    """What is to be known of a model, in one line."""
    facts = [model.name] if model.name and model.name != model.id else []
    facts.append(f"{tokens(model.context_window)} tokens of context, {tokens(model.max_tokens)} of output")
    if model.cost.input or model.cost.output:
        facts.append(f"${model.cost.input:g} in and ${model.cost.output:g} out per million tokens")
    levels = [level for level in supported_levels(model) if level != "off"]
    facts.append(f"thinks up to {levels[-1]}" if levels else "doesn't think")
    if "image" in model.input:
        facts.append("sees images")
    return " · ".join(facts)


def price(model: Model) -> str:
    """USD per million tokens, in and out; empty for what costs nothing, or where nobody knows."""
    cost = model.cost
    return f"${cost.input:g}/${cost.output:g}" if cost.input or cost.output else ""


def tokens(count: int) -> str:
    """A number of tokens in few characters: 950, 8k, 200k, 1M, 1.05M."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return (
                f"{count / size:.2f}".rstrip("0").rstrip(".") + unit if size > 1_000 else f"{count // size}k"
            )
    return str(count)
