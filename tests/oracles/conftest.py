"""What the vendors' SDKs must not find: keys, hosts and proxies of the machine that runs the tests."""

import os
from collections.abc import Iterator

import pytest

_VENDORS = ("ANTHROPIC_", "OPENAI_", "GOOGLE_", "GEMINI_")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


@pytest.fixture(autouse=True, scope="session")
def clean_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_VENDORS) or name.lower() in _PROXIES:
                patch.delenv(name)
        yield
