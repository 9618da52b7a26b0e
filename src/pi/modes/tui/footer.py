"""The footer: where we are, what it has cost, how full the context is, and which model answers."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pi.harness.models.choice import NO_MODEL
from pi.harness.session import Session
from pi.harness.stats import Stats, stats_of
from pi.modes.tui.lines import Line, Span, clean, clip, width_of

Segments = Callable[[], list[tuple[int, str]]]  # priorities and texts of extensions


class Footer:
    """What costs time to find out is found out by `update`, not for each frame."""

    def __init__(self, session: Session, segments: Segments = list):
        self._session = session
        self._segments = segments
        self._stats: Stats | None = None
        self._branch: str | None = None
        self._texts: list[tuple[int, str]] = []
        self.statuses: dict[str, str] = {}

    def update(self) -> None:
        """Count anew: after an answer, a compaction, a move in the tree, another model."""
        self._stats = stats_of(self._session)
        self._branch = git_branch(self._session.store.cwd)
        self._texts = self._segments()

    def set_status(self, key: str, text: str | None) -> None:
        """A text of an extension; None takes it away."""
        if text is None:
            self.statuses.pop(key, None)
        else:
            self.statuses[key] = clean(text)

    def lines(self, width: int) -> list[Line]:
        """Two lines, and a third when extensions have something to say."""
        lines = [clip(self._place(), width - 1), self._numbers(width)]
        texts = [self.statuses[key] for key in sorted(self.statuses) if self.statuses[key]]
        texts += [clean(text) for _, text in self._fitting(width - 1 - sum(len(text) + 2 for text in texts))]
        if texts:
            lines.append(clip(((" " + "  ".join(texts), "dim"),), width))
        return lines

    def _place(self) -> Line:
        branch = f" ({clean(self._branch)})" if self._branch else ""
        name = self._session.store.name
        named = f" • {clean(name)}" if name else ""
        return ((f" {clean(short_path(self._session.store.cwd))}{branch}{named}", "dim"),)

    def _numbers(self, width: int) -> Line:
        """What was spent and how full the context is, on the right who answers: what matters most stays."""
        session = self._session
        if session.model is NO_MODEL:
            return clip(((" No model yet: /login adds one", "dim"),), width)
        level = f" • {session.thinking_level}" if session.model.reasoning else ""
        role = f"@{session.models.role} " if session.models.role else ""
        model = f"{role}{clean(session.model.id)}{level}"
        provider = f"({clean(session.model.provider)}) "
        tokens_spent, cost, context = self._usage()
        for left, right in (
            ((*tokens_spent, *cost, context), provider + model),
            ((*tokens_spent, *cost, context), model),
            ((*cost, context), model),
            ((context,), model),
        ):
            line: list[Span] = [(" ", "")]
            for span in left:
                line += [span, (" ", "")]
            room = width - width_of(tuple(line)) - width_of(((right, ""),)) - 1
            if room >= 1:
                return (*line, (" " * room, ""), (right, "dim"))
        return clip(((" ", ""), context, ("  ", ""), (model, "dim")), width - 1)

    def _usage(self) -> tuple[list[Span], list[Span], Span]:
        """Tokens, cost, and how full the context is."""
        stats = self._stats
        if stats is None:
            return [], [], ("0.0%/" + tokens(self._session.model.context_window), "dim")
        usage, words = stats.usage, list[str]()
        for mark, count in (
            ("↑", usage.input),
            ("↓", usage.output),
            ("R", usage.cache_read),
            ("W", usage.cache_write),
        ):
            if count:
                words.append(f"{mark}{tokens(count)}")
        if usage.cache_read or usage.cache_write:
            asked = usage.input + usage.cache_read + usage.cache_write
            words.append(f"CH{100 * usage.cache_read / asked:.0f}%")
        context = stats.context
        percent = "?" if context.percent is None else f"{context.percent:.1f}%"
        automatic = " (auto)" if self._session.setup.settings.flag("compaction.enabled") else ""
        return (
            [(" ".join(words), "dim")] if words else [],
            [(f"${stats.cost:.3f}", "dim")] if stats.cost else [],
            (
                f"{percent}/{tokens(context.context_window)}{automatic}",
                _context_style(context.percent),
            ),
        )

    def _fitting(self, room: int) -> list[tuple[int, str]]:
        """The extensions' segments that there is room for: low priorities go first."""
        kept = sorted(self._texts, key=lambda each: -each[0])
        while kept and sum(len(text) + 2 for _, text in kept) > room:
            kept.pop()
        return [each for each in self._texts if each in kept]


def tokens(count: int) -> str:
    """A count of tokens in few characters: 950, 1.2k, 128k, 1.0M."""
    if count < 1_000:
        return str(count)
    if count < 10_000:
        return f"{count / 1000:.1f}k"
    if count < 1_000_000:
        return f"{count / 1000:.0f}k"
    return f"{count / 1_000_000:.1f}M" if count < 10_000_000 else f"{count / 1_000_000:.0f}M"


def short_path(path: Path, env: Mapping[str, str] = os.environ) -> str:
    """The path with the home folder as ~."""
    home, text = env.get("HOME", ""), str(path)
    if home and (text == home or text.startswith(home.rstrip("/") + "/")):
        return "~" + text[len(home.rstrip("/")) :]
    return text


def git_branch(cwd: Path) -> str | None:
    """The branch that is checked out at `cwd`, "detached" without one, None where there is no repository."""
    for folder in (cwd, *cwd.parents):
        place = folder / ".git"
        try:
            if place.is_file():  # a worktree or a submodule: the file names the place
                named = place.read_text(encoding="utf-8", errors="replace").partition("gitdir:")[2].strip()
                head = (folder / named / "HEAD").read_text(encoding="utf-8", errors="replace")
            else:
                head = (place / "HEAD").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        before, _, branch = head.strip().partition("ref: refs/heads/")
        return branch if branch and not before else "detached"
    return None


def _context_style(percent: float | None) -> str:
    if percent is None or percent <= 70:
        return "dim"
    return "error" if percent > 90 else "warning"
