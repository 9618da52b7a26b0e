"""From a transcript to what one model may see: system messages folded in, history handed over."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from pi.llm.call_ids import IdRule, id_rule
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolReference,
    ToolResultMessage,
    UserMessage,
    content_text,
)
from pi.llm.models import Model
from pi.llm.unicode import well_formed, well_formed_json

# Protocols whose requests have a place for instructions in mid-conversation, where the model takes them.
_IN_PLACE = frozenset(
    (
        "anthropic-messages",
        "azure-openai-responses",
        "mistral-conversations",
        "openai-codex-responses",
        "openai-completions",
        "openai-responses",
    )
)
USER_IMAGE_OMITTED = "(image omitted: model does not support images)"
TOOL_IMAGE_OMITTED = "(tool image omitted: model does not support images)"
NO_RESULT = "No result provided"


def fold_system(messages: Iterable[Message]) -> Context:
    """Replay a transcript's system messages: the prompt and the tools that hold at its end, and the rest.

    The prompt is their texts, then their sections in the order in which they came up, joined by blank lines.
    """
    return _folded(Context(tuple(messages)))


def system_state(messages: Iterable[object], at_ms: int) -> SystemMessage | None:
    """One system message, said at `at_ms`, in the place of all in a transcript; None where there is none."""
    told = [message for message in messages if type(message) is SystemMessage]
    if not told:
        return None
    sections: dict[str, str] = {}
    tools: dict[str, ToolDeclaration] = {}
    for message in told:
        _patch_sections(sections, message)
        _patch_tools(tools, message)
    text = _joined([content_text(message.content) for message in told])
    return SystemMessage(text, at_ms, {**sections} or None, tuple(tools.values()) or None)


def system_text(message: SystemMessage) -> str:
    """One system message as a prompt: its content, then its sections."""
    sections = message.sections or {}
    return _joined([content_text(message.content), *(text for text in sections.values() if text is not None)])


def update_text(message: SystemMessage) -> str:
    """A later system message for a model that gets it in its place: sections are told of by name."""
    told = [content_text(message.content)]
    for name, text in (message.sections or {}).items():
        said = "no longer holds." if text is None else f"is now:\n\n{text}"
        told.append(f'Section "{name}" of your instructions {said}')
    return _joined(told)


def current_tools(context: Context) -> tuple[ToolDeclaration, ...]:
    """The tools that hold at the end of a prepared context."""
    told = later_system(context)
    if not told:
        return context.tools
    tools = {tool.name: tool for tool in context.tools}
    for message in told:
        _patch_tools(tools, message)
    return tuple(tools.values())


def declared_tools(context: Context) -> tuple[ToolDeclaration, ...]:
    """Every tool that a prepared context tells of, also those since removed; the last declaration counts."""
    tools = {tool.name: tool for tool in context.tools}
    for message in later_system(context):
        tools |= {tool.name: tool for tool in message.tools_added or ()}
    return tuple(tools.values())


def only_adds_tools(context: Context) -> bool:
    """Whether no tool of a prepared context is removed or declared again on the way."""
    known = {tool.name for tool in context.tools}
    for message in later_system(context):
        added = [tool.name for tool in message.tools_added or ()]
        if message.tools_removed or not known.isdisjoint(added):
            return False
        known.update(added)
    return True


def redefines_tools(context: Context) -> bool:
    """Whether a tool of a prepared context changes its declaration on the way."""
    known = {tool.name: tool for tool in context.tools}
    for message in later_system(context):
        for tool in message.tools_added or ():
            if known.setdefault(tool.name, tool) != tool:
                return True
    return False


def later_system(context: Context) -> list[SystemMessage]:
    """The system messages that stand inside a prepared conversation; mostly there are none."""
    return [message for message in context.messages if type(message) is SystemMessage]


def tool_changes(
    declared: Iterable[ToolDeclaration], current: Iterable[ToolDeclaration]
) -> tuple[tuple[ToolDeclaration, ...], tuple[ToolReference, ...]]:
    """What to add and what to remove to get from one set of tools to the other.

    A changed declaration is a removal and an addition.
    """
    before = {tool.name: tool for tool in declared}
    after = {tool.name: tool for tool in current}
    added = tuple(tool for name, tool in after.items() if before.get(name) != tool)
    removed = tuple(ToolReference(name) for name, tool in before.items() if after.get(name) != tool)
    return added, removed


def prepare(model: Model, context: Context) -> Context:
    """The context as `model` may get it; what needs no change stays the same object.

    Failed answers are left out, and results whose call isn't there; thinking, signatures and call ids of
    other models are handed over; calls without a result get one; images become a note where the model can't
    see them; unpaired surrogates go. Later system messages stay where they are only for a model that takes
    them there (`supportsMidConvoSystemMessages`), else they are folded into the prompt and the tools.
    """
    if model.api == "pi-messages":  # the server behind it does all this, for the model that it chooses
        return context
    in_place = model.api in _IN_PLACE and (model.compat or {}).get("supportsMidConvoSystemMessages") is True
    context = _opened(context) if in_place else _folded(context)
    handover = _Handover(model)
    for message in context.messages:
        handover.take(message)
    handover.settle()
    return Context(
        tuple(handover.messages),
        well_formed(context.system),
        tuple(_clean_tool(tool) for tool in context.tools),
    )


class _Handover:
    """One walk over a history; `_pending` are the last answer's open calls, by the id that they came with."""

    def __init__(self, model: Model):
        self.messages: list[Message] = []
        self._model = model
        self._rule = id_rule(model)
        self._sees_images = "image" in model.input
        self._pending: dict[str, ToolCall] = {}
        self._held: list[SystemMessage] = []  # said between calls and their results: told after these
        self._asked_at = 0

    def take(self, message: Message) -> None:
        # by `type`, here and below: where it says no, `isinstance` of a struct takes 120 ns more
        if type(message) is ToolResultMessage:
            self._take_result(message)
        elif type(message) is AssistantMessage:
            if self._pending or self._held:
                self.settle()
            if message.stop_reason not in ("error", "aborted"):
                self._take_answer(message)
        elif type(message) is UserMessage:
            if self._pending or self._held:
                self.settle()
            self.messages.append(self._user(message))
        elif isinstance(message, SystemMessage):
            holder = self._held if self._pending or self._held else self.messages
            holder.append(_clean_system(message))

    def settle(self) -> None:
        """Answer the calls that nobody answered: every provider refuses a call without its result."""
        for call in self._pending.values():
            self.messages.append(_no_result(call, self._asked_at))
        self.messages += self._held
        self._pending, self._held = {}, []

    def _take_answer(self, message: AssistantMessage) -> None:
        model = self._model
        own = message.model == model.id and message.provider == model.provider and message.api == model.api
        rule = None if own else self._rule
        content: list[Text | Thinking | ToolCall] = []
        changed = False
        for block in message.content:
            if type(block) is Text and block.text_signature is None and block.text.isascii():
                kept = block  # most of every history
            elif isinstance(block, ToolCall):
                kept = self._pending[block.id] = _call(block, message, own, rule)
            else:
                kept = _words(block, own)
            if kept is not None:
                content.append(kept)
            if kept is not block:
                changed = True
        self._asked_at = message.timestamp
        self.messages.append(replace(message, content=tuple(content)) if changed else message)

    def _take_result(self, message: ToolResultMessage) -> None:
        call = self._pending.pop(message.tool_call_id, None)
        # Providers refuse a result without its call and a second one, and either would stay in the history.
        if call is None:
            return
        content = _blocks(message.content, None if self._sees_images else TOOL_IMAGE_OMITTED)
        if content is not message.content or call.id != message.tool_call_id:
            message = replace(message, content=content, tool_call_id=call.id)
        self.messages.append(message)

    def _user(self, message: UserMessage) -> UserMessage:
        if isinstance(message.content, str):
            content = well_formed(message.content)
        else:
            content = _blocks(message.content, None if self._sees_images else USER_IMAGE_OMITTED)
        return message if content is message.content else replace(message, content=content)


def _no_result(call: ToolCall, asked_at: int) -> ToolResultMessage:
    return ToolResultMessage(call.id, call.name, (Text(NO_RESULT),), is_error=True, timestamp=asked_at)


def _words(block: Text | Thinking, own: bool) -> Text | Thinking | None:
    """Text or thinking for the model that wrote it (`own`) or for another one; None leaves it out."""
    if isinstance(block, Text):
        return _text(block, block.text_signature if own else None)
    if block.redacted or (own and block.thinking_signature):
        return _thinking(block) if own else None
    if not block.thinking.strip():
        return None
    return _thinking(block) if own else Text(well_formed(block.thinking))


def _text(block: Text, signature: str | None) -> Text:
    text = well_formed(block.text)
    same = text is block.text and signature is block.text_signature
    return block if same else Text(text, signature)


def _thinking(block: Thinking) -> Thinking:
    thinking = well_formed(block.thinking)
    return block if thinking is block.thinking else replace(block, thinking=thinking)


def _call(call: ToolCall, source: AssistantMessage, own: bool, rule: IdRule | None) -> ToolCall:
    arguments = _arguments(call)
    signature = call.thought_signature if own else None
    id = rule(call.id, source) if rule else call.id
    if arguments is call.arguments and signature is call.thought_signature and id == call.id:
        return call
    return replace(call, id=id, arguments=arguments, thought_signature=signature)


def _arguments(call: ToolCall) -> dict[str, Any]:
    for name, value in call.arguments.items():
        if not (type(value) is str and value.isascii() and name.isascii()):
            return well_formed_json(call.arguments)
    return call.arguments  # nearly always


def _blocks(content: tuple[Text | Image, ...], note: str | None) -> tuple[Text | Image, ...]:
    """Content with its texts made well formed; with a `note`, each run of images becomes that note."""
    if len(content) == 1 and type(only := content[0]) is Text and only.text.isascii():
        return content  # nearly always
    kept: list[Text | Image] = []
    changed = False
    noted = False
    for block in content:
        if isinstance(block, Text):
            clean = block if block.text.isascii() else _text(block, block.text_signature)
            changed = changed or clean is not block
            noted = clean.text == note
            kept.append(clean)
        elif note is None:
            kept.append(block)
        else:
            changed = True
            if not noted:
                kept.append(Text(note))
            noted = True
    return tuple(kept) if changed else content


def _folded(context: Context) -> Context:
    system_messages = [message for message in context.messages if type(message) is SystemMessage]
    if not system_messages:
        return context
    texts = [context.system]
    sections: dict[str, str] = {}
    tools = {tool.name: tool for tool in context.tools}
    for message in system_messages:
        texts.append(content_text(message.content))
        _patch_sections(sections, message)
        _patch_tools(tools, message)
    rest = tuple([message for message in context.messages if type(message) is not SystemMessage])
    return Context(rest, _joined([*texts, *sections.values()]), tuple(tools.values()))


def _opened(context: Context) -> Context:
    """Only the system messages before the conversation are folded; later ones stay in their places."""
    messages = context.messages
    start = next(
        (at for at, message in enumerate(messages) if type(message) is not SystemMessage), len(messages)
    )
    opening = _folded(Context(messages[:start], context.system, context.tools))
    return Context(messages[start:], opening.system, opening.tools)


def _patch_sections(sections: dict[str, str], message: SystemMessage) -> None:
    for name, text in (message.sections or {}).items():
        if text is None:
            sections.pop(name, None)
        else:
            sections[name] = text


def _patch_tools(tools: dict[str, ToolDeclaration], message: SystemMessage) -> None:
    for reference in message.tools_removed or ():
        tools.pop(reference.name, None)
    for tool in message.tools_added or ():
        tools[tool.name] = tool


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _clean_system(message: SystemMessage) -> SystemMessage:
    sections = message.sections and {
        name: text and well_formed(text) for name, text in message.sections.items()
    }
    added = message.tools_added and tuple(_clean_tool(tool) for tool in message.tools_added)
    return replace(
        message, content=well_formed(content_text(message.content)), sections=sections, tools_added=added
    )


def _clean_tool(tool: ToolDeclaration) -> ToolDeclaration:
    description, parameters = well_formed(tool.description), well_formed_json(tool.parameters)
    if description is tool.description and parameters is tool.parameters:
        return tool
    return replace(tool, description=description, parameters=parameters)
