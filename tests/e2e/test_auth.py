"""`pi auth` as people and programs use it: a terminal, a browser, pipes; no secret is shown unasked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import World
from tests.llm.oauth.authority import Authority, authority

if os.name == "nt":
    pytest.skip("Windows has no pty", allow_module_level=True)

from tests.e2e.terminal import Screen, screen

SECRET = "sk-very-secret"
EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions" / "login_provider.py"
BROWSER = """import sys, urllib.request
with urllib.request.urlopen(sys.argv[1]) as page:
    open({seen!r}, "a").write(sys.argv[1] + "\\n")
"""


class Person:
    """Somebody with Pi, an installed extension with a login, its server, and a browser that allows it."""

    def __init__(self, world: World, server: Authority):
        self.world, self.server = world, server
        self.opened = world.agent.parent / "opened"
        folder = world.agent / "extensions"
        folder.mkdir()
        shutil.copy(EXAMPLE, folder)
        browser = world.agent.parent / "browser.py"
        browser.write_text(BROWSER.format(seen=str(self.opened)))
        self.env = world.env | {"FORGE_URL": server.url, "BROWSER": f"{sys.executable} {browser} %s"}

    def screen(self, *words: str, **env: str) -> Any:
        return screen(self.world.command("auth", *words), self.world.project, self.env | env)

    def run(self, *words: str, stdin: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.world.command("auth", *words),
            cwd=self.world.project,
            env=self.env | env,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=60,
        )

    @property
    def auth(self) -> Any:
        path = self.world.agent / "auth.json"
        return json.loads(path.read_text()) if path.exists() else None

    def store(self, **entries: Any) -> None:
        (self.world.agent / "auth.json").write_text(json.dumps(entries))

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.world.agent.glob("auth*"))


@pytest.fixture
def person(world: World) -> Iterator[Person]:
    with authority() as server:
        yield Person(world, server)


def page(shown: Screen) -> str:
    shown.until("Open this page:\n  ")
    return shown.until("\n").strip()


def redirect_of(url: str) -> str:
    """Where the server sends a browser whose person allows it."""
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **named: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(url)
    except urllib.request.HTTPError as answer:
        with answer:
            return answer.headers["location"]
    raise AssertionError("the server didn't redirect")


def test_a_login_opens_the_browser_and_is_there_when_the_browser_comes_back(person: Person) -> None:
    with person.screen("login", "forge") as shown:
        shown.until("Your browser opens this page:")
        shown.until("You are logged in to forge.")
        assert shown.end() == 0

    assert person.opened.read_text().startswith(person.server.url)
    assert person.auth["forge"]["type"] == "oauth"
    assert person.leftovers() == ["auth.json"]
    assert (person.world.agent / "auth.json").stat().st_mode & 0o777 == 0o600
    assert not [token for token in ("access-", "refresh-", "code-") if token in shown.text]


def test_without_a_browser_the_page_is_shown_and_any_browser_will_do(person: Person) -> None:
    with person.screen("login", "forge", "--no-browser") as shown:
        with urlopen(page(shown)) as answer:
            assert b"logged in" in answer.read()
        shown.until("You are logged in")
        assert shown.end() == 0

    assert not person.opened.exists()


def test_where_no_redirect_arrives_its_address_is_pasted(person: Person) -> None:
    with person.screen("login", "forge", "--no-browser") as shown:
        address = redirect_of(page(shown))
        shown.until("browser ended: ")
        shown.type("http://localhost/nothing\n")
        shown.until("There is no code in that address.")
        shown.until("browser ended: ")
        shown.type(f"{address}\n")
        shown.until("You are logged in")
        assert shown.end() == 0

    assert person.auth["forge"]["type"] == "oauth"


def test_ctrl_c_gives_up_and_leaves_nothing(person: Person) -> None:
    with person.screen("login", "forge", "--no-browser") as shown:
        url = page(shown)
        shown.until("browser ended: ")
        shown.type("half an addr\x03")
        shown.until("Cancelled: nothing is stored.")
        assert shown.end() == 130

    assert (person.auth, person.leftovers()) == (None, [])
    with pytest.raises(OSError, match="refused"):
        urlopen(redirect_of(url)).close()


def test_a_key_is_typed_unseen_and_mended_while_it_is_typed(person: Person) -> None:
    with person.screen("login", "groq") as shown:
        shown.until("Key for Groq (it isn't shown): ")
        shown.type(f"wrong\x15{SECRET}x\x7f\n")
        shown.until("The key for Groq is stored in")
        assert shown.end() == 0

    assert person.auth == {"groq": {"type": "api_key", "key": SECRET}}
    assert SECRET not in shown.text


def test_ctrl_c_at_a_key_stores_nothing(person: Person) -> None:
    with person.screen("login", "groq") as shown:
        shown.until("shown): ")
        shown.type(f"{SECRET}\x03")
        assert shown.end() == 130

    assert person.auth is None
    assert SECRET not in shown.text


def test_sigterm_gives_up_and_leaves_the_terminal_as_it_was(person: Person) -> None:
    with person.screen("login", "groq") as shown:
        shown.until("shown): ")
        shown.process.terminate()
        assert shown.end() == 143

    assert person.auth is None


def test_a_key_longer_than_a_terminal_line_is_whole(person: Person) -> None:
    long = "k" * 9000
    with person.screen("login", "groq") as shown:
        shown.until("shown): ")
        for at in range(0, len(long), 1000):
            shown.type(long[at : at + 1000])
        shown.type("\n")
        shown.until("is stored")
        assert shown.end() == 0

    assert person.auth["groq"]["key"] == long


def test_without_a_name_the_providers_are_offered_by_number(person: Person) -> None:
    with person.screen("login") as shown:
        offered = shown.until("Number (1-").splitlines()
        (groq,) = [line.split()[0] for line in offered if "(groq)" in line]
        shown.type("none\n")
        shown.until("Type a number")
        shown.until("): ")
        shown.type(f"{groq}\n")
        shown.until("Key for Groq")
        shown.until("shown): ")
        shown.type(f"{SECRET}\n")
        shown.until("is stored")
        assert shown.end() == 0

    assert any("(forge): account" in line for line in offered)


def test_without_a_terminal_a_key_can_be_piped_in(person: Person) -> None:
    done = person.run("login", "groq", "--api-key", stdin=f"{SECRET}\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert person.auth == {"groq": {"type": "api_key", "key": SECRET}}
    assert SECRET not in done.stdout


@pytest.mark.parametrize("words", [("login",), ("login", "groq"), ("login", "--api-key")])
def test_without_a_terminal_nobody_is_asked(person: Person, words: tuple[str, ...]) -> None:
    done = person.run(*words, stdin=SECRET)

    assert (done.returncode, person.auth) == (1, None)
    assert "needs a terminal" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("piped", ["", "\n", "two\nkeys\n", "x" * 70_000])
def test_what_cannot_be_a_key_is_not_stored(person: Person, piped: str) -> None:
    done = person.run("login", "groq", "--api-key", stdin=piped)

    assert (done.returncode, person.auth) == (1, None)


def test_logging_out_can_be_repeated(person: Person) -> None:
    person.store(groq={"type": "api_key", "key": SECRET}, xai={"type": "api_key", "key": SECRET})

    first, again = (person.run("logout", "groq") for _ in range(2))

    assert (first.returncode, first.stdout) == (0, "The key for Groq is no longer stored.\n")
    assert (again.returncode, again.stdout) == (0, "Nothing is stored for Groq.\n")
    assert person.auth == {"xai": {"type": "api_key", "key": SECRET}}


def test_a_key_that_is_left_is_told_by_its_name_alone(person: Person) -> None:
    person.store(groq={"type": "api_key", "key": "a"})

    done = person.run("logout", "groq", GROQ_API_KEY=SECRET)

    assert done.stdout == (
        "The key for Groq is no longer stored. Credentials are still there, from GROQ_API_KEY.\n"
    )


READY = '{"status":"ready","provider":"%s","authType":"%s"}'
STORED = {
    "openai": {"type": "api_key", "key": SECRET},
    "openai-codex": {"type": "oauth", "access": f"{SECRET}-access", "refresh": "r", "expires": 9999999999999},
    "xai": {"type": "oauth", "access": "old", "refresh": "r", "expires": 1},
    "groq": {"type": "api_key", "key": "$NOT_THERE"},
}


@pytest.mark.parametrize(
    ("words", "code", "said"),  # as the original 0.87.1 answers
    [
        ("check --provider openai --json", 0, READY % ("openai", "api_key")),
        ("check --provider openai", 0, "ready"),
        ("check --provider openai --credentials", 0, SECRET),
        ("check --provider huggingface", 1, "not_ready"),
        ("check --provider groq", 1, "not_ready"),
        (
            "check --provider groq --json",
            1,
            '{"status":"not_ready","provider":"groq","reason":"credentials_not_configured"}',
        ),
        (
            "check --provider OpenAI --json",
            1,
            '{"status":"not_ready","provider":"OpenAI","reason":"provider_not_found"}',
        ),
        ("check --model nope --json", 2, '{"status":"invalid","provider":"nope","reason":"invalid_state"}'),
        (
            "check --provider openai-codex --json --credentials",
            0,
            READY.replace("}", f',"credentials":"{SECRET}-access"}}') % ("openai-codex", "oauth"),
        ),
        ("check --provider xai --no-refresh --json", 0, READY % ("xai", "oauth")),
        ("check --provider xai --no-refresh --credentials", 0, "old"),
        ("print-api-key --provider openai", 0, SECRET),
        ("print-api-key --provider openai-codex", 1, ""),
        ("print-bearer-token --provider openai-codex", 0, f"{SECRET}-access"),
        ("print-bearer-token --provider openai", 1, ""),
        ("print-bearer-token --provider openai-codex --min-expiry 30x", 1, ""),
        ("print-api-key --provider nope", 1, ""),
        ("print-api-key --model nope", 1, ""),
        ("check", 2, ""),
        ("check openai", 2, ""),
        ("nonsense", 1, ""),
    ],
)
def test_programs_learn_what_opens_a_provider(person: Person, words: str, code: int, said: str) -> None:
    person.store(**STORED)

    done = person.run(*words.split())

    assert (done.returncode, done.stdout.strip()) == (code, said)
    assert SECRET not in done.stderr
    assert bool(done.stderr) == (not said)


def test_broken_files_make_a_check_invalid(person: Person) -> None:
    (person.world.agent / "auth.json").write_text("{")

    done = person.run("check", "--provider", "openai", "--json")

    assert (done.returncode, json.loads(done.stdout)["status"]) == (2, "invalid")
    assert "auth.json" in done.stderr


def test_a_token_that_is_about_to_expire_is_renewed_and_stored(person: Person) -> None:
    person.store(forge={"type": "oauth", "access": "old", "refresh": "refresh-0", "expires": 1})

    checked = person.run("check", "--provider", "forge", "--no-refresh")
    printed = person.run("print-bearer-token", "--provider", "forge", "--min-expiry", "50m")
    too_long = person.run("print-bearer-token", "--provider", "forge", "--min-expiry", "2h")

    assert (checked.returncode, printed.returncode, too_long.returncode) == (0, 0, 1)
    assert printed.stdout.strip() == "access-1"
    assert "access-" not in printed.stderr + too_long.stdout + too_long.stderr
    assert person.auth["forge"]["access"] == "access-2"  # the third asked for more than the server gives


def test_a_login_that_is_over_is_not_ready_for_requests(person: Person) -> None:
    person.store(forge={"type": "oauth", "access": "old", "refresh": "used", "expires": 1})

    done = person.run("check", "--provider", "forge", "--json")

    assert (done.returncode, json.loads(done.stdout)["status"]) == (2, "invalid")
