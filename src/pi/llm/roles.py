"""Roles: names for models by what they are for, valid as `@name` wherever a model can be named."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.messages import ThinkingLevel

_REFERENCE = r"@(?P<name>[A-Za-z][\w-]*)(?::(?P<level>\w+))?"  # ids such as @cf/meta/… have a slash


class Role(Struct, frozen=True, forbid_unknown_fields=True):
    """A model by pattern, and how hard it thinks; `failover` takes the place of the general chain."""

    model: str
    thinking: ThinkingLevel | None = None
    failover: tuple[str, ...] | None = None


def read_roles(value: Any, warnings: list[str]) -> dict[str, Role]:
    """The roles of the setting: each a pattern, or an object with `model`, `thinking` and `failover`."""
    if not isinstance(value, dict):
        warnings.append(
            'Setting "roles" must be an object such as {"review": "anthropic/claude-opus-5-5:high"}.'
        )
        return {}
    roles: dict[str, Role] = {}
    for name, given in value.items():  # pyright: ignore[reportUnknownVariableType]
        try:
            if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z][\w-]*", name)):
                raise msgspec.ValidationError("a name has letters, digits, - and _, a letter first")
            roles[name] = Role(given) if isinstance(given, str) else msgspec.convert(given, Role)
        except msgspec.ValidationError as error:
            warnings.append(f'Setting "roles": the role "{name}" is left out: {error}.')
    return roles


def role_reference(pattern: str) -> tuple[str, str | None] | None:
    """The role's name and what is behind its colon, for `@name` and `@name:level`; None for anything else."""
    match = re.fullmatch(_REFERENCE, pattern.strip())
    return (match["name"], match["level"]) if match else None
