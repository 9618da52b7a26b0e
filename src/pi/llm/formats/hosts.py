"""Hosts and their quirks: flags of a protocol, changed by what is known of a host and by the model's own."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from pi.llm.models import Model
from pi.platform.errors import ConfigError

Flags = TypeVar("Flags", bound=Struct)


class Host(Struct, frozen=True):
    """A host, known by provider id, protocol or a part of the base URL, and the flags in which it differs.

    With `models` only models whose id starts so are meant.
    """

    providers: tuple[str, ...]
    urls: tuple[str, ...]
    flags: dict[str, Any]
    models: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()

    def serves(self, model: Model) -> bool:
        """Whether this is the model's host."""
        url = model.base_url.lower()
        named = model.provider in self.providers or model.api in self.apis
        known = named or any(part in url for part in self.urls)
        return known and (not self.models or model.id.startswith(self.models))


def flags_of(model: Model, kind: type[Flags], hosts: Iterable[Host] = ()) -> Flags:
    """The defaults of `kind`, changed by every host that fits, in order, then by the model's `compat`.

    Raises ConfigError when a flag of `compat` has the wrong type.
    """
    flags: dict[str, Any] = {}
    for host in hosts:
        if host.serves(model):
            flags |= host.flags
    flags |= {name: value for name, value in (model.compat or {}).items() if value is not None}
    try:
        return msgspec.convert(flags, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"compat of model {model.ref} can't be used: {error}. Mend it in models.json."
        ) from None
