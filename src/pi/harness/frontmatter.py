"""The YAML between `---` lines at the top of a Markdown file, apart from the text below it."""

import re
from functools import cache
from typing import Any, cast

from pi.platform.errors import PiError

_ROLE = r"(?m)^(model: +)(@[\w:-]+) *$"  # `@` begins nothing in YAML, and people leave the quotes out
C_LIMIT = 2_000  # characters; libyaml's loader recurses in C, and a deeper file would overflow its stack
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


class FrontmatterError(PiError):
    """The YAML can't be read; the text says where in the file."""


def split_frontmatter(text: str) -> tuple[str, str]:
    """The YAML and the body; without frontmatter the body is the whole text. Line ends become newlines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    end = text.find("\n---", 3)
    if not text.startswith("---") or end == -1:
        return "", text
    return text[4:end], text[end + 4 :].strip()


def parse_frontmatter(text: str) -> tuple[dict[str, Any], str]:
    """The frontmatter's fields and the body; raises FrontmatterError."""
    source, body = split_frontmatter(text)
    source = re.sub(_ROLE, r'\1"\2"', source)
    fields = simple_fields(source)
    return (_yaml_fields(source) if fields is None else fields), body


def simple_fields(source: str) -> dict[str, Any] | None:
    """The fields of YAML that is one plain `key: value` a line, None for any other: spares a slow import."""
    if not source.replace("\n", " ").isprintable():
        return None
    fields: dict[str, Any] = {}
    for line in source.split("\n"):
        if not line:
            continue
        match = re.fullmatch(r"([A-Za-z][A-Za-z0-9_-]*):(?: +(.*?))? *", line)
        if match is None or match[1] in fields or not _is_simple(value := match[2] or ""):
            return None
        fields[match[1]] = value[1:-1] if value[:1] in ('"', "'") else _WORDS.get(value, value)
    return fields


def _is_simple(value: str) -> bool:
    if value[:1] in ('"', "'"):
        return len(value) > 1 and value[-1] == value[0] and not {*value[1:-1]} & {value[0], "\\"}
    if not value or value[0].isalpha():
        return ": " not in value and " #" not in value and not value.endswith(":")
    return False


def _yaml_fields(source: str) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.load(f"{source}\n", Loader=_loader(len(source) <= C_LIMIT))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 2}, column {mark.column + 1}: " if mark else ""
        raise FrontmatterError(f"{place}{error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # what else a hostile file can bring about
        raise FrontmatterError(" ".join(str(error).split())) from error
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in cast(dict[Any, Any], value).items() if isinstance(key, str)}


@cache
def _loader(in_c: bool, /) -> Any:
    """A safe loader after YAML 1.2, as the original's: `yes` and `2024-01-01` are texts there."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if in_c else yaml.SafeLoader
    loader: Any = type("_Loader", (base,), {"yaml_implicit_resolvers": {}})
    kinds = {
        "null": r"(?:~|null|Null|NULL|)",
        "bool": r"(?:true|True|TRUE|false|False|FALSE)",
        "int": r"(?:0|[-+]?[1-9][0-9]*|0o[0-7]+|0x[0-9a-fA-F]+)",
        "float": r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
    }
    for kind, regex in kinds.items():
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"{regex}\Z"), None)
    return loader
