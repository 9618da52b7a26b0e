"""Globs as ripgrep and fd understand them, as regular expressions for whole paths with `/`."""

import re

from pi.platform.errors import PiError

_TOKEN = re.compile(
    r"""
      \\(?P<escaped>.)
    | \[(?P<negated>[!^]?)(?P<members>\][^\]]*|[^\]]+)\]
    | (?P<between>(?:/\*\*)+/)
    | (?P<below>(?:/\*\*)+(?=\Z|[,}]))
    | (?P<anywhere>(?:\*\*/)+)
    | (?P<name>\*+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(r"(.)(?:-(.))?", re.DOTALL)
_ANY_NAME = "[^/]*"


class GlobError(PiError):
    """The glob can't be understood."""


def glob_regex(glob: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """For `fullmatch`: `*` and `?` stop at `/`, `**` as a whole component doesn't; `[a-z]`, `{a,b}`, `\\`.

    Raises GlobError, worded as ripgrep and fd do it.
    """
    text = ".*" if glob in ("**", "**/") else _Translation(glob).text
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


class _Translation:
    def __init__(self, glob: str) -> None:
        self._glob = glob
        self._parts: list[str] = []
        self._depth = 0  # of braces
        for token in _TOKEN.finditer(glob):
            self._parts.append(self._translate(token))
        if self._depth:
            raise self._error("unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)")
        self.text = "".join(self._parts)

    def _translate(self, token: re.Match[str]) -> str:
        match token.lastgroup:
            case "escaped":
                return re.escape(token["escaped"])
            case "members":
                return self._members(token["negated"], token["members"])
            case "between":
                return "(?:/|/.*/)"
            case "below":
                return "/.*"
            case "anywhere":
                return "(?:.*/)?" if self._at_start() else f"{_ANY_NAME}/"
            case "name":
                return _ANY_NAME
            case _:
                return self._other(token[0])

    def _at_start(self) -> bool:
        return not self._parts or (self._depth > 0 and self._parts[-1] in ("(?:", "|"))

    def _other(self, char: str) -> str:
        match char:
            case "?":
                return "[^/]"
            case "{":
                self._depth += 1
                return "(?:"
            case "," if self._depth:
                return "|"
            case "}":
                self._depth -= 1
                if self._depth < 0:
                    raise self._error("unopened alternate group; missing '{' (maybe escape '}' with '[}]'?)")
                return ")"
            case "[":
                raise self._error("unclosed character class; missing ']'")
            case "\\":
                raise self._error("dangling '\\'")
            case _:
                return re.escape(char)

    def _members(self, negated: str, members: str) -> str:
        for first, last in _MEMBER.findall(members):
            if last and first > last:
                raise self._error(f"invalid range; '{first}' > '{last}'")
        # Escaped one by one, for what regular expressions make of `[`, `\`, `&&` and the like.
        escaped = _MEMBER.sub(lambda found: "-".join(map(re.escape, filter(None, found.groups()))), members)
        return f"[{'^' if negated else ''}{escaped}]"

    def _error(self, problem: str) -> GlobError:
        return GlobError(f"error parsing glob '{self._glob}': {problem}")
