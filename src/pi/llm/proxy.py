"""Where a request goes: its URL, and the proxy that the user's environment puts on the way."""

import os
from typing import NamedTuple

import httptools

from pi.platform.errors import ConfigError

_PORTS = {"http": 80, "https": 443}


class Url(NamedTuple):
    scheme: str
    host: str
    port: int
    target: str  # path and query
    userinfo: str

    @property
    def host_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        return self.host_port.removesuffix(f":{_PORTS[self.scheme]}")


def parse_url(url: str) -> Url:
    try:
        parts = httptools.parse_url(url.encode())
        scheme, host, port = (parts.schema or b"").decode(), (parts.host or b"").decode(), parts.port
        target = (parts.path or b"/").decode() + (f"?{parts.query.decode()}" if parts.query else "")
        return Url(scheme, host, port or _PORTS[scheme], target, (parts.userinfo or b"").decode())
    except (httptools.HttpParserInvalidURLError, KeyError):
        shown = url.rpartition("@")[2]  # before it there may be a password
        raise ConfigError(
            f"Can't call {shown!r}: a URL begins with http:// or https:// and a host, all in ASCII."
        ) from None


def proxy_for(url: Url, given: str | None) -> Url | None:
    """The proxy on the way to `url`, None for the direct way."""
    proxy = given or _env(f"{url.scheme}_proxy") or _env("all_proxy")
    if not proxy or _direct(url, _env("no_proxy")):
        return None
    scheme, separator, _ = proxy.partition("://")
    if separator and scheme not in _PORTS:
        raise ConfigError(f"A {scheme}:// proxy isn't supported: give the URL of an HTTP or HTTPS proxy.")
    return parse_url(proxy if separator else f"http://{proxy}")


def proxy_headers(proxy: Url) -> dict[str, str]:
    if not proxy.userinfo:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote_to_bytes

    return {"proxy-authorization": f"Basic {b64encode(unquote_to_bytes(proxy.userinfo)).decode()}"}


def _env(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _direct(url: Url, no_proxy: str) -> bool:
    """NO_PROXY: hosts, each with all below it, with or without a port, by commas or blanks; `*` for all."""
    for entry in no_proxy.lower().replace(",", " ").split():
        host = entry.removesuffix(f":{url.port}").strip("[]").removeprefix("*").removeprefix(".")
        if entry == "*" or (host and f".{url.host.lower()}".endswith(f".{host}")):
            return True
    return False
