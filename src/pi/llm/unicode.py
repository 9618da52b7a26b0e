"""Text as JavaScript counts it and as a request may carry it: UTF-16 length, no unpaired surrogates."""

from typing import Any, cast


def well_formed(text: str) -> str:
    """The text without unpaired surrogates; halves that stand side by side become the character they meant.

    Sessions hold such halves because JavaScript cuts strings between them, and no provider accepts them.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def well_formed_json(value: Any) -> Any:
    """A JSON value with every string in it made well formed; the same object when nothing was wrong."""
    return value if _is_clean(value) else _cleaned(value)


def utf16_len(text: str) -> int:
    """The length in UTF-16 units, which is what limits and estimates of the original count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_clean(value: Any) -> bool:
    if isinstance(value, str):
        return well_formed(value) is value
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return all(_is_clean(key) and _is_clean(item) for key, item in pairs)
    if isinstance(value, list):
        return all(map(_is_clean, cast("list[Any]", value)))
    return True


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(key): _cleaned(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in cast("list[Any]", value)]
    return value
