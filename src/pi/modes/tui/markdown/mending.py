"""What the end of a text that is still being written will probably become: marks closed, tables begun."""

import re

_MARKS = re.compile(r"\\.|(?P<code>`+)|(?P<mark>\*{1,3}|~~)|(?P<link>\]\([^)\s]*\Z)", re.DOTALL)
_ROW = re.compile(r"[ ]{0,3}\|")
_RULE = re.compile(r"[ ]{0,3}\|[-:| \t]*$")
_PIPE = re.compile(r"(?<!\\)\|")
_MOST = 4_000  # characters that are looked at


def mended(content: str) -> str:
    """The text of a paragraph with what closes its open marks; one with nothing behind it is left out."""
    if len(content) > _MOST:
        return content
    open_: list[str] = []
    at = 0
    while match := _MARKS.search(content, at):
        at = match.end()
        if ticks := match["code"]:
            end = re.compile(rf"(?<!`){ticks}(?!`)").search(content, at)
            if end is None:
                return (
                    _closed(content, open_, ticks)
                    if at < len(content)
                    else _closed(content[: -len(ticks)], open_)
                )
            at = end.end()
        elif match["link"]:
            return _closed(
                content[: match.start()] + "]()", open_
            )  # the address is shown when it is complete
        elif mark := match["mark"]:
            if _closes(mark, open_):
                continue
            if at == len(content):
                return _closed(content[: match.start()], open_)
            if not content[at].isspace() and not content[match.start() - 1 : match.start()].isalnum():
                open_.append(mark)
    return _closed(content, open_)


def table_begun(content: str) -> str | None:
    """A paragraph that is about to be a table, as one."""
    *before, last = content.split("\n")
    if before and _RULE.match(last) and _ROW.match(before[-1]):
        head = before.pop()
    elif not before and _ROW.match(last):
        head = last
    else:
        return None
    count = len(_PIPE.findall(head.strip().strip("|"))) + 1
    return "\n".join([*before, head, "|" + "---|" * count])


def _closes(mark: str, open_: list[str]) -> bool:
    """Whether it ends what is open, also two of them at once."""
    if mark in open_:
        open_.remove(mark)
        return True
    if mark == "***" and "*" in open_ and "**" in open_:
        open_.remove("*")
        open_.remove("**")
        return True
    return False


def _closed(content: str, open_: list[str], last: str = "") -> str:
    return content.rstrip() + last + "".join(reversed(open_)) if open_ or last else content
