"""`ctx.complete`: one answer of a model beside the conversation, counted in the session, typed if wanted."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from msgspec import structs

from pi.harness.context import to_llm, without_images
from pi.harness.extensions.typed_output import TRIES, Unfit, instruction, value_of
from pi.harness.models.routing import route
from pi.harness.session import Session
from pi.harness.storage.entries import UsageEntry
from pi.harness.storage.file import SessionWriteError
from pi.llm.events import BlockDelta, StreamEnd
from pi.llm.messages import AssistantMessage, Context, Text, Usage, UserMessage
from pi.llm.models import Model
from pi.llm.patterns import Choice, resolve_model
from pi.llm.stream import ModelStream, ask
from pi.llm.transcript import fold_system
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

OnText = Callable[[str], Any]


async def complete(
    session: Session,
    prompt: str | Sequence[Any],
    model: Model | str | None = None,
    system: str = "",
    output: Any = None,
    max_tokens: int | None = None,
    on_text: OnText | None = None,
    owner: str = "",
) -> Any:
    """The answer (an AssistantMessage), or a value of the type `output`.

    `on_text` hears each piece of text as it comes, of every try; an async one is waited for. Raises PiError
    when there is no such model, no key, or no answer, TypeError for a type that JSON can't say.
    """
    chosen = model_for(session, model)
    given = [prompt] if isinstance(prompt, str) else prompt
    told = fold_system(to_llm([_user(each) if isinstance(each, str) else each for each in given]))
    parts = (told.system, system, "" if output is None else instruction(output))
    system = "\n\n".join(part for part in parts if part)
    messages = list(told.messages)
    if session.setup.settings.flag("images.blockImages"):
        messages = list(without_images(messages))
    for _ in range(TRIES):
        to = await route(session.state, chosen.model, chosen.thinking or "off", messages, direct=True)
        options = await session.host.options(to.model, to.thinking_level)
        options = structs.replace(options, max_tokens=max_tokens)
        stream = ask(to.model, Context(tuple(messages), system), options)
        answer = await _answer(session, stream, on_text, owner)
        if output is None:
            return answer
        try:
            return value_of(answer.text, output)
        except Unfit as unfit:
            messages += [answer, _user(str(unfit))]
    raise PiError(
        f"{chosen.model.ref} gave no answer of the wanted type in {TRIES} tries. "
        "Ask for something simpler, or name another model."
    )


def model_for(session: Session, wanted: Model | str | None) -> Choice:
    """A model by pattern ("provider/id:level", "@role") and the level to think at; by default the session's.

    Raises PiError when there is none.
    """
    match wanted:
        case None:
            return Choice(session.model, session.thinking_level, role=session.models.role)
        case Model():
            return Choice(wanted, session.thinking_level)
        case _:
            choice = resolve_model(session.setup.registry, provider=None, pattern=wanted)
            return structs.replace(choice, thinking=choice.thinking or session.thinking_level)


def count_usage(
    session: Session, kind: str, provider: str, model: str, usage: Usage, note: Any = None
) -> None:
    """Note in a session what was spent beside its conversation, and in the sessions that it is a child of."""
    if not (usage.total_tokens or usage.cost.total):
        return
    try:
        session.store.append(UsageEntry, kind=kind, provider=provider, model=model, usage=usage, note=note)
    except SessionWriteError as error:  # the store has the entry and writes it with the next one
        if str(error) not in session.warnings:
            session.warnings.append(str(error))
    if session.setup.kin is not None:
        session.setup.kin.spent(provider, model, usage)


async def _answer(
    session: Session, stream: ModelStream, on_text: OnText | None, owner: str
) -> AssistantMessage:
    """Read it to its end; what it cost is counted also when that is cut short."""
    answer: AssistantMessage | None = None
    try:
        async with aclosing(aiter(stream)) as events:
            async for event in events:
                match event:
                    case BlockDelta("text_delta", _, piece) if on_text is not None:
                        heard = on_text(piece)
                        if inspect.isawaitable(heard):
                            await heard
                    case StreamEnd(message):
                        answer = message
                    case _:
                        pass
    finally:
        usage = stream.usage if answer is None else answer.usage
        note = {"extension": owner} if owner else None
        count_usage(session, "extension", stream.model.provider, stream.model.id, usage, note)
    if answer is None or answer.stop_reason in ("error", "aborted"):
        raise PiError((answer and answer.error_message) or f"{stream.model.ref} gave no answer. Try again.")
    return answer


def _user(text: str) -> UserMessage:
    return UserMessage((Text(text),), now_ms())
