"""Text that is HTML already, and the one way for a text to become that."""

import re

from pi.platform.terminal import plain


class Html(str):
    """Escaped already: a template puts it in as it is, by the method that Jinja looks for."""

    def __html__(self) -> str:
        return self


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


def escape(text: str) -> Html:
    """The text as HTML that shows it, in an element or in a quoted attribute."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Html(text.replace('"', "&quot;").replace("'", "&#39;"))


def uncoloured(text: str) -> str:
    """What a program has printed, without what steers a terminal."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return plain(text)


def one_line(text: str, most: int) -> str:
    """The beginning of a text on one line, at most so many characters."""
    words = " ".join(uncoloured(text[: 8 * most]).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
