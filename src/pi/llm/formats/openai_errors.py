"""The text of a failure that an OpenAI-compatible host reports, over HTTP or inside its stream."""

from typing import Any

from pi.llm.formats.lenient import as_dict

BODY_LENGTH = 4000  # characters of an error's JSON that are shown


def refusal_text(status: int, body: str) -> str:
    """What to show for an HTTP error: its `error` object as JSON, or a body that is no JSON as it is."""
    import json  # 2 ms, and only for failures

    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not answer:
        return f"{status} {body}" if body else f"{status} status code (no body)"
    error = as_dict(answer).get("error")
    if not error and error != {}:
        return f"{status} status code (no body)"
    shown = _compact(error)
    if not as_dict(error):
        return f"{status} {shown}"
    if len(shown) > BODY_LENGTH:
        shown = f"{shown[:BODY_LENGTH]}... [truncated {len(shown) - BODY_LENGTH} chars]"
    return _with_raw(f"{status}: {shown}", error)


def error_text(error: Any) -> str:
    """What to show for the `error` of an event in a stream: its message, or all of it as JSON."""
    message = as_dict(error).get("message")
    text = message if isinstance(message, str) and message else _compact(message or error)
    return _with_raw(text, error)


def _with_raw(text: str, error: Any) -> str:
    """OpenRouter hands on what the host behind it said, in a field of its own."""
    raw = as_dict(as_dict(error).get("metadata")).get("raw")
    return f"{text}\n{raw}" if isinstance(raw, str) and raw and raw not in text else text


def _compact(value: Any) -> str:
    import json

    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()  # half an emoji stays the escape that it was
