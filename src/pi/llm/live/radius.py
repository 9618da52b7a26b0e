"""A Radius gateway's list: its own models, each whole."""

from typing import Any

import msgspec

from pi.llm.errors import ProtocolError
from pi.llm.live.asking import Asked, LiveList, get_json, rows
from pi.llm.models import Model
from pi.llm.proxy import parse_url


async def fetch(asked: Asked) -> LiveList | None:
    """The models of the gateway at `root`, at the address that it names for them."""
    answer = await get_json(asked, f"{asked.root.removesuffix('/v1')}/v1/config")
    base_url = answer.get("baseUrl")
    if not isinstance(base_url, str) or not base_url:
        raise ProtocolError("The gateway names no address for its models.")
    if parse_url(base_url).scheme != "https" and parse_url(asked.root).scheme == "https":
        raise ProtocolError("The gateway names an address without TLS for its models.")
    return LiveList(tuple(_whole(row, base_url) for row in rows(answer.get("models"))), only=False)


def _whole(row: dict[str, Any], base_url: str) -> dict[str, Any]:
    kept = set(msgspec.structs.fields(Model)[at].encode_name for at in range(len(Model.__struct_fields__)))
    fields = {name: value for name, value in row.items() if name in kept and name != "headers"}
    return fields | {"api": "pi-messages", "baseUrl": base_url}
