"""Entries as cards: what was said, thought, run, summed up and changed."""

import re
from collections.abc import Iterator

from pi.harness.export import figures
from pi.harness.export.code import Painter, language_of
from pi.harness.export.glance import note_of
from pi.harness.export.markdown import Writer
from pi.harness.export.markup import escape, one_line, uncoloured
from pi.harness.export.page import Alert, Card, CardKind, Fold, Line, Part, Pre, Prose, Stub
from pi.harness.export.talk import Place, Talk
from pi.harness.export.tools import ToolTeller, picture
from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    BranchSummaryMessage,
    CompactionEntry,
    CompactionSummaryMessage,
    CustomMessage,
    CustomMessageEntry,
    Entry,
    MessageEntry,
    iso_ms,
)
from pi.llm.messages import (
    AssistantMessage,
    Image,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
    content_text,
)

_ATTACHED = re.compile(r'<(file|skill) name="([^"\n]{0,400})"[^>\n]{0,400}>\n?')
_STOPPED = {"length": "Cut off: the answer was too long.", "aborted": "Stopped by the user."}
_LONG = 60  # lines of a summary or prompt from which on it is closed at first

Told = tuple[CardKind, str, tuple[Part, ...], tuple[str, ...]]  # kind, title, parts, facts


class Teller:
    """Makes the cards of a talk."""

    def __init__(self, talk: Talk):
        self._talk = talk
        self._painter = Painter()
        self._writer = Writer(self._painter)
        self._tools = ToolTeller(self._painter)
        self._shown = {talk.answers[at] for at in talk.path if at in talk.answers}
        self._answered = set(talk.answers.values())

    def cards(self) -> Iterator[Card]:
        """The cards of the branch that is shown first, from its beginning."""
        yield from filter(None, map(self.card, self._talk.path))

    def others(self) -> Iterator[Card]:
        """Those of all other branches, in the order of the file."""
        shown = set(self._talk.path)
        yield from filter(None, (self.card(at) for at in sorted(self._talk.glances) if at not in shown))

    def card(self, at: int) -> Card | None:
        """The card of the entry at a place; None where nothing of it is shown."""
        talk = self._talk
        entry = talk.entry(at)
        told, fork, label = self._told(at, entry), talk.fork(at), talk.labels.get(at, "")
        if told is None and not fork and not label:
            return None
        kind, title, parts, facts = told or ("note", "", (), ())
        answers = f"s{place.at}-{place.nth}" if (place := talk.answers.get(at)) else ""
        return Card(at, kind, title, parts, iso_ms(entry.timestamp), facts, label, fork, answers)

    def _told(self, at: int, entry: Entry) -> Told | None:
        match entry:
            case MessageEntry(message=message):
                return self._message(at, message)
            case CustomMessageEntry(custom_type=kind, content=content, display=True):
                return self._custom(kind, content)
            case CompactionEntry(summary=summary, tokens_before=tokens, usage=usage):
                return self._summary("Compaction", summary, f"{figures.short(tokens)} tokens before", usage)
            case BranchSummary(summary=summary, usage=usage) if summary:
                return self._summary("Summary of a branch that was left", summary, "", usage)
            case _:
                note = note_of(entry)
                return ("note", "", (Line(one_line(note, 400)),), ()) if note else None

    def _message(self, at: int, message: object) -> Told | None:
        match message:
            case UserMessage(content=content):
                return "user", "You", self._said(content), ()
            case AssistantMessage():
                return self._answer(at, message)
            case ToolResultMessage():
                parts = (self._tools.answered(self._call(at), message),)
                return "tool", "", parts, _spent(message.usage)
            case BashExecutionMessage():
                return self._bash(message)
            case SystemMessage():
                return self._system(message)
            case CustomMessage(custom_type=kind, content=content, display=True):
                return self._custom(kind, content)
            case CompactionSummaryMessage(summary=summary, tokens_before=tokens):
                return self._summary("Compaction", summary, f"{figures.short(tokens)} tokens before", None)
            case BranchSummaryMessage(summary=summary):
                return self._summary("Summary of a branch that was left", summary, "", None)
            case _:
                return None

    def _said(self, content: str | tuple[Text | Image, ...]) -> tuple[Part, ...]:
        """Text as Markdown, with files and skills that came with it folded, and images."""
        parts: list[Part] = []
        text = content_text(content)
        behind = 0
        for found in _ATTACHED.finditer(text):
            close = text.find(f"</{found[1]}>", found.end()) if found.start() >= behind else -2
            if close == -1:
                break  # nothing closes any more
            if close >= 0:
                parts += self._prose(text[behind : found.start()])
                parts.append(self._attached(found[1], found[2], text[found.end() : close]))
                behind = close + len(f"</{found[1]}>")
        parts += self._prose(text[behind:])
        if not isinstance(content, str):
            parts += (picture(block) for block in content if isinstance(block, Image))
        return tuple(parts)

    def _attached(self, kind: str, name: str, text: str) -> Fold:
        code = self._painter.paint(text, language_of(name))
        hint = figures.count(text.rstrip("\n").count("\n") + 1, "line")
        return Fold("more", kind, one_line(name, 200), hint, (Pre(code),))

    def _prose(self, text: str) -> Iterator[Prose]:
        if text.strip():
            yield Prose(self._writer.html(text))

    def _answer(self, at: int, message: AssistantMessage) -> Told:
        parts: list[Part] = []
        calls = 0
        for block in message.content:
            match block:
                case Text(text=text):
                    parts += self._prose(text)
                case Thinking(thinking=thinking):
                    parts += self._thought(thinking)
                case ToolCall():
                    parts.append(self._stub(Place(at, calls), block))
                    calls += 1
        if message.error_message:
            parts.append(Alert(uncoloured(message.error_message)))
        elif message.stop_reason in _STOPPED:
            parts.append(Alert(_STOPPED[message.stop_reason]))
        level = f"thinking {one_line(message.thinking_level, 20)}" if message.thinking_level else ""
        facts = tuple(filter(None, (*_spent(message.usage), level)))
        title = one_line(f"{message.provider}/{message.response_model or message.model}", 120)
        return "assistant", title.strip("/") or "Model", tuple(parts), facts

    def _thought(self, thinking: str) -> Iterator[Fold]:
        if text := thinking.strip():
            first = one_line(text.replace("*", ""), 120)
            yield Fold("thinking", "Thinking", first, "", (Prose(self._writer.html(text)),))

    def _stub(self, place: Place, call: ToolCall) -> Stub:
        fold = self._tools.called(call)
        if place in self._answered:  # its result tells the rest
            fold = Fold("tool", fold.title, fold.detail, fold.hint, (), "open")
        return Stub(place.nth, fold, place in self._shown)

    def _call(self, at: int) -> ToolCall | None:
        place = self._talk.answers.get(at)
        if place is None:
            return None
        match self._talk.entry(place.at):
            case MessageEntry(message=AssistantMessage() as message):
                return message.tool_calls[place.nth]
            case _:
                return None

    def _bash(self, message: BashExecutionMessage) -> Told:
        command = Pre(self._painter.paint(f"$ {message.command}", "bash"))
        output = uncoloured(message.output)
        parts: list[Part] = [command]
        if output.strip():
            hint = figures.count(output.rstrip("\n").count("\n") + 1, "line")
            whole = (Pre(escape(output), output=True),)
            few = output.count("\n") < _LONG
            parts.append(Fold("more", "Output", "", hint, whole, open=few))
        if message.cancelled:
            parts.append(Alert("Stopped by the user."))
        elif message.exit_code:
            parts.append(Alert(f"Ended with exit code {message.exit_code}."))
        if message.truncated:
            parts.append(Line("The output was cut."))
        return (
            "bash",
            "You ran",
            tuple(parts),
            ("not sent to the model",) if message.exclude_from_context else (),
        )

    def _custom(self, kind: str, content: str | tuple[Text | Image, ...]) -> Told:
        return "custom", one_line(kind, 60) or "Extension", self._said(content), ()

    def _summary(self, title: str, summary: str, hint: str, usage: Usage | None) -> Told:
        whole = tuple(self._prose(summary))
        few = summary.count("\n") < _LONG
        return "summary", title, (Fold("more", "Summary", "", hint, whole, open=few),), _spent(usage)

    def _system(self, message: SystemMessage) -> Told:
        sections = {name: text for name, text in (message.sections or {}).items() if text}
        texts = [content_text(message.content), *sections.values()]
        text = "\n\n".join(filter(None, texts))
        inside: list[Part] = [Pre(escape(uncoloured(text)), output=True)] if text else []
        if message.tools_added:
            inside.append(Line("Tools: " + ", ".join(tool.name for tool in message.tools_added)))
        if message.tools_removed:
            inside.append(Line("Without: " + ", ".join(tool.name for tool in message.tools_removed)))
        hint = figures.count(text.count("\n") + 1, "line") if text else ""
        return "system", "", (Fold("more", "System prompt", "", hint, tuple(inside)),), ()


def _spent(usage: Usage | None) -> tuple[str, ...]:
    if usage is None:
        return ()
    return tuple(filter(None, (figures.tokens(usage), figures.money(usage.cost.total))))
