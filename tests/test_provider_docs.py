"""docs/providers.md and docs/models.md say what the data says, and their examples are what Pi reads.

`PYTHONPATH=src python -m tests.test_provider_docs` writes the table of providers.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pi.harness.events import ModelFailover
from pi.harness.models.failover import KINDS, FailoverSettings, failover_settings
from pi.harness.settings import Settings
from pi.harness.spending.budget import budget_for
from pi.harness.storage.store import Store
from pi.llm.auth.store import read_auth
from pi.llm.failures import FailureKind
from pi.llm.logins import LOGINS
from pi.llm.patterns import resolve_model
from pi.llm.protocols import PROTOCOLS
from pi.llm.providers import PROVIDERS, Provider
from pi.llm.registry import ModelRegistry
from pi.llm.roles import read_roles

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "providers.md"
MADE = re.compile(r"(<!-- made: providers -->\n)(.*?)(<!-- end -->)", re.DOTALL)
JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# What is made from the data


def table() -> str:
    head = "| provider | name | key | account | protocol | default model |\n"
    return head + "| --- " * 6 + "|\n" + "".join(map(row, PROVIDERS, PROVIDERS.values()))


def row(id: str, provider: Provider) -> str:
    login = LOGINS.get(id)
    cells = (
        f"`{id}`",
        provider.name,
        keys(provider),
        " or ".join(login.methods) if login else "",
        f"`{provider.api}`",
        f"`{provider.default_model}`" if provider.default_model else "its own",
    )
    return f"| {' | '.join(cells)} |\n"


def keys(provider: Provider) -> str:
    names = [f"`{name}`" for name in (*provider.bearer_env, *provider.env)]
    if provider.local:
        names.insert(0, "none")
    text = ", ".join(names) + "¹" * bool(provider.ambient)
    return text + "".join(f", `{name}`²" for name in provider.url_env)


def made_anew(page: str) -> str:
    return MADE.sub(lambda found: found[1] + table() + found[3], page)


# The tests


def examples(key: str) -> Iterator[tuple[str, Any]]:
    for page in sorted(DOCS.glob("*.md")):
        for block in JSON.findall(page.read_text(encoding="utf-8")):
            for text in (block,) if block.count("\n{") == 0 else block.splitlines():
                value = json.loads(text)
                if isinstance(value, dict) and key in value and "type" not in value:
                    yield page.name, value


def cells_of(page: str, heading: str) -> list[str]:
    """The first cells of the table under a heading, without backticks."""
    section = (
        (DOCS / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    )
    rows = [line.split("|")[1].strip(" `") for line in section.splitlines() if line.startswith("| ")]
    return [cell for cell in rows if not cell.startswith("---")][1:]


def test_the_table_of_providers_is_that_of_the_data() -> None:
    found = MADE.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[2] == table(), "run: PYTHONPATH=src python -m tests.test_provider_docs"


def test_every_protocol_of_the_table_is_one_that_pi_speaks() -> None:
    assert {provider.api for provider in PROVIDERS.values()} <= PROTOCOLS.keys()


def test_the_variables_that_the_page_explains_are_read_by_the_code() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "src" / "pi").rglob("*.py"))
    page = re.sub(r"`!.*?`|WORK_\w+", "", PAGE.read_text(encoding="utf-8"))
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", page))
    own_clients = {name for name in named if name.startswith("PI_OAUTH_CLIENT_ID_")}
    assert [name for name in sorted(named - own_clients) if name not in code] == []
    providers = {name.removeprefix("PI_OAUTH_CLIENT_ID_").lower().replace("_", "-") for name in own_clients}
    assert providers <= LOGINS.keys()


def test_examples_of_auth_json_are_read_without_a_warning(tmp_path: Path) -> None:
    text = next(block for block in JSON.findall(PAGE.read_text(encoding="utf-8")) if '"api_key"' in block)
    (tmp_path / "auth.json").write_text(text, encoding="utf-8")

    entries, warnings = read_auth(tmp_path / "auth.json")

    assert (list(entries), warnings) == (list(json.loads(text)), [])


@pytest.mark.parametrize(("page", "value"), list(examples("roles")))
def test_roles_are_read_and_name_models_that_there_are(page: str, value: Any, tmp_path: Path) -> None:
    registry, warnings = ModelRegistry(tmp_path, env={}), list[str]()

    registry.roles = read_roles(value["roles"], warnings)

    assert (list(registry.roles), warnings) == (list(value["roles"]), [])
    chains = [pattern for role in registry.roles.values() for pattern in role.failover or ()]
    for pattern in (*(f"@{name}" for name in registry.roles), *chains, value.get("defaultModel", "@plan")):
        assert resolve_model(registry, provider=None, pattern=pattern).warnings == ()


@pytest.mark.parametrize(("page", "value"), list(examples("failover")))
def test_failover_is_read_and_its_chain_has_models_that_there_are(
    page: str, value: Any, tmp_path: Path
) -> None:
    problems: list[str] = []

    settings = failover_settings(Settings(value), problems.append)

    assert problems == []
    assert settings.chain
    (tmp_path / "models.json").write_text(
        '{"providers": {"ollama": {"api": "openai-completions", "baseUrl": "http://127.0.0.1:9/v1", '
        '"models": [{"id": "qwen3-coder"}]}}}',
        encoding="utf-8",
    )
    registry = ModelRegistry(tmp_path, env={})
    for pattern in settings.chain:
        assert resolve_model(registry, provider=None, pattern=pattern).warnings == ()


@pytest.mark.parametrize(("page", "value"), list(examples("budgets")))
def test_budgets_are_read_without_a_warning(page: str, value: Any, tmp_path: Path) -> None:
    warnings: list[str] = []

    assert budget_for(Settings(value), tmp_path, Store.in_memory(tmp_path), warnings)
    assert warnings == []


def test_the_pages_have_examples_of_all_of_them() -> None:
    assert [key for key in ("roles", "failover", "budgets") if not list(examples(key))] == []


def test_the_kinds_of_failures_are_those_of_the_code() -> None:
    kinds = set(FailureKind.__args__)
    assert set(cells_of("models.md", "Failover")) == kinds == set(KINDS)


def test_the_defaults_of_failover_are_those_of_the_code() -> None:
    (value,) = [each["failover"] for _, each in examples("failover") if isinstance(each["failover"], dict)]
    of_page = msgspec.convert(value, FailoverSettings)
    defaults = FailoverSettings()
    assert (of_page.max_wait_ms, of_page.retries) == (defaults.max_wait_ms, defaults.retries)


def test_the_entry_of_failover_has_the_fields_of_its_event() -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    (entry,) = [block for block in JSON.findall(text) if "pi.failover" in block]
    named = {"before": "from", "until_ms": "until", "error_message": "error"}
    fields = [named.get(field, field) for field in ModelFailover.__struct_fields__]
    assert list(json.loads(entry)["data"]) == fields[:-1]  # an error's text only where there was one


if __name__ == "__main__":
    PAGE.write_text(made_anew(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{len(PROVIDERS)} providers\n")
