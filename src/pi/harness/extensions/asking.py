"""`ctx.complete`: one answer of a model beside the conversation, counted in the session, typed if wanted."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from pi.harness.context import to_llm
from pi.harness.entries import UsageEntry
from pi.harness.routing import route
from pi.harness.session import Session
from pi.llm.events import StreamEnd
from pi.llm.messages import AssistantMessage, Context, Text, UserMessage
from pi.llm.models import Model
from pi.llm.stream import ask
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

TRIES = 3  # for an answer of the wanted type


async def complete(
    session: Session,
    prompt: str | Sequence[Any],
    model: Model | str | None,
    system: str,
    output: Any,
    max_tokens: int | None,
) -> Any:
    """The answer (an AssistantMessage), or a value of the type `output`. Raises PiError when none comes."""
    messages = [_user(prompt)] if isinstance(prompt, str) else list(to_llm(prompt))
    if output is not None:
        from pi.harness.extensions.hint_schema import schema_of

        schema = msgspec.json.encode(schema_of(output, msgspec.NODEFAULT)).decode()
        system = f"{system}\n\nAnswer with JSON alone that fits this schema:\n{schema}".strip()
    chosen = _chosen(session, model)
    for _ in range(TRIES if output is not None else 1):
        answer = await _answer(session, chosen, messages, system, max_tokens)
        if output is None:
            return answer
        try:
            return msgspec.json.decode(_json_in(answer.text), type=output, strict=False)
        except msgspec.MsgspecError as error:
            messages += [answer, _user(f"That doesn't fit: {error}. Answer with the JSON alone.")]
    raise PiError(f"{chosen.ref} gave no answer of the wanted type in {TRIES} tries.")


def _chosen(session: Session, model: Model | str | None) -> Model:
    if model is None:
        return session.model
    if isinstance(model, Model):
        return model
    from pi.llm.patterns import resolve_model

    return resolve_model(session.setup.registry, provider=None, pattern=model).model


async def _answer(
    session: Session, model: Model, messages: Sequence[Any], system: str, max_tokens: int | None
) -> AssistantMessage:
    to = await route(session.state, model, session.thinking_level, messages, direct=True)
    given = msgspec.structs.replace(session.host.options(to.model, to.thinking_level), max_tokens=max_tokens)
    async with aclosing(aiter(ask(to.model, Context(tuple(messages), system), given))) as events:
        async for event in events:
            if isinstance(event, StreamEnd):
                answer = event.message
                session.store.append(
                    UsageEntry,
                    kind="extension",
                    provider=answer.provider,
                    model=answer.model,
                    usage=answer.usage,
                )
                if answer.stop_reason in ("error", "aborted"):
                    raise PiError(answer.error_message or f"{to.model.ref} gave no answer.")
                return answer
    raise PiError(f"{to.model.ref} gave no answer.")


def _json_in(text: str) -> str:
    """The JSON of an answer: without a fence of Markdown around it, and words before or after it."""
    begin = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=0)
    end = max(text.rfind("}"), text.rfind("]")) + 1
    return text[begin:end] if end > begin else text.strip()


def _user(text: str) -> UserMessage:
    return UserMessage((Text(text),), now_ms())
