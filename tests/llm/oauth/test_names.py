"""The names of the package are all there, and each brings only what it needs."""

import subprocess
import sys

import pytest

from pi.llm import oauth


def test_every_name_is_there() -> None:
    names = [name for names in oauth._HOMES.values() for name in names]  # type: ignore[attr-defined]
    assert sorted(names) == sorted(oauth.__all__)
    assert [name for name in names if getattr(oauth, name) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = oauth.nothing  # type: ignore[attr-defined]


def test_a_stored_login_needs_none_of_the_ways_to_log_in() -> None:
    script = (
        "import sys\nfrom pi.llm.oauth import fresh_tokens, refresh\n"
        "heavy = {'http', 'html', 'hmac', 'httptools', 'email', 'urllib.request',"
        "'pi.llm.http', 'pi.llm.oauth.callback', 'pi.llm.oauth.device'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
