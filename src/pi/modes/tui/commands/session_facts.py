"""What /session tells: file and name, counts, tokens, what each model has cost, context, the warm cache."""

from collections.abc import Sequence

from pi.harness.session import Session
from pi.harness.stats import ContextUsage, stats_of
from pi.harness.storage.entries import UsageEntry
from pi.modes.tui.footer import short_path
from pi.modes.tui.lines import clean

_LOCAL = "in memory only: it is saved nowhere"


def session_facts(session: Session) -> str:
    """The facts as Markdown."""
    store, stats = session.store, stats_of(session)
    if store.path is None:
        where = _LOCAL
    else:
        where = _code(short_path(store.path)) + ("" if store.path.exists() else " (not written yet)")
    about = [("Name", _text(store.name))] if store.name else []
    about += [("File", where), ("ID", _code(store.id)), ("Folder", _code(short_path(store.cwd)))]
    if store.header.parent_session:
        about.append(("Forked from", _code(store.header.parent_session)))
    usage = stats.usage
    compactions = len(store.entries("compaction"))
    said = [
        (
            "Messages",
            f"{stats.messages:,} (you {stats.user_messages:,}, assistant {stats.assistant_messages:,}, "
            f"tool results {stats.tool_results:,})",
        ),
        ("Tool calls", f"{stats.tool_calls:,}"),
        *([("Compactions", f"{compactions:,}")] if compactions else []),
    ]
    spent = [
        ("Tokens", f"{usage.input:,} in, {usage.output:,} out"),
        ("Cached tokens", f"{usage.cache_read:,} read, {usage.cache_write:,} written"),
        ("Cost", f"**${stats.cost:.4f}**"),
    ]
    by_model = sorted(stats.cost_by_model.items(), key=_dearest)
    models = "\n".join(f"  - {_text(model)}: ${cost:.4f}" for model, cost in by_model)
    now = [("Context", _context(stats.context)), ("Warm cache", _warming(session))]
    costs = f"{_list(spent)}\n{models}" if models else _list(spent)
    parts = (("", about), ("Conversation", said), ("Now", now))
    lists = [f"**{title}**\n\n{_list(facts)}" if title else _list(facts) for title, facts in parts]
    return "\n\n".join([*lists[:2], f"**Spent**\n\n{costs}", lists[2]])


def _dearest(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def _context(context: ContextUsage) -> str:
    window = f"{context.context_window:,}"
    if context.tokens is None or context.percent is None:
        return f"not known until the next answer, of {window} tokens"
    return f"{context.tokens:,} of {window} tokens ({context.percent:.1f}%)"


def _warming(session: Session) -> str:
    """Whether the provider's cache is kept warm, and how often that was done."""
    mode = session.setup.settings.text("cacheWarming") or "idle"
    warmed = [
        entry
        for entry in session.store.entries("usage")
        if isinstance(entry, UsageEntry) and entry.kind == "cache_warm"
    ]
    done = ""
    if warmed:
        cost = sum(entry.usage.cost.total for entry in warmed)
        done = f"; warmed {len(warmed):,} times so far for ${cost:.4f}"
    match mode:
        case "off":
            return f"no{done}"
        case "streaming":
            return f"while the agent works{done}"
        case _:
            lifetime = (session.model.prompt_cache or {}).get(session.setup.cache_retention, 0)
            how = (
                "while that pays"
                if lifetime
                else "no, since it isn't known how long this model's cache lasts"
            )
            return f"{how}{done}"


def _list(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts)


def _text(text: str | None) -> str:
    """Foreign text that Markdown shows as it is."""
    shown = clean(text or "")
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#~!&" else char for char in shown)


def _code(text: str) -> str:
    """Foreign text as code; a backtick in it would end it."""
    return f"`{clean(str(text)).replace('`', chr(0x2BC))}`"
