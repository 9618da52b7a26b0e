"""A newer catalog: what is good in it is kept and used, what is broken, hostile or older changes nothing."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.llm.catalog import catalog_models, fetched_path
from pi.llm.catalog_update import Updated, catalog_url, update_catalogs
from pi.llm.live.asking import LARGEST
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError
from tests.llm.lists import Lists, Reply, reply

LATER, EARLIER = "Tue, 01 Dec 2099 10:00:00 GMT", "Tue, 01 Dec 2020 10:00:00 GMT"
PATH = "GET /api/models/providers/groq?types=chat"


@pytest.fixture
def lists() -> Iterator[Lists]:
    with Lists().running() as server:
        yield server


def model(id: str = "new", **fields: Any) -> dict[str, Any]:
    url = "https://api.groq.com/openai/v1"
    return {
        "id": id,
        "api": "openai-completions",
        "baseUrl": url,
        "contextWindow": 10,
        "maxTokens": 5,
        **fields,
    }


def update(folder: Path, lists: Lists, answer: Reply | None = None, provider: str = "groq") -> Updated:
    if answer:
        lists.answers[PATH] = answer
    (found,) = asyncio.run(update_catalogs(folder, catalog_url(lists.url, {}), [provider], env={}))
    return found


def groq(folder: Path) -> dict[str, Any]:
    return {each.id: each for each in ModelRegistry(folder, env={}).models_of("groq")}


@pytest.mark.parametrize(
    "form",
    [
        [model()],
        {"models": [model()]},
        {"new": model(), "drawn": model("drawn", type="image")},
        {"provider": "groq", "defaults": {key: model()[key] for key in ("api", "baseUrl")}, "models": [
            {"id": "new", "contextWindow": 10, "maxTokens": 5}
        ]},
    ],
)  # fmt: skip
def test_a_newer_catalog_is_added_to_that_of_this_pi(tmp_path: Path, lists: Lists, form: Any) -> None:
    assert update(tmp_path, lists, reply(form, last_modified=LATER)) == Updated("groq", "fetched", 1)
    assert set(groq(tmp_path)) == {"new", *(each.id for each in catalog_models("groq"))}
    assert groq(tmp_path)["new"].context_window == 10


def test_what_the_user_says_wins_over_a_newer_catalog(tmp_path: Path, lists: Lists) -> None:
    override = {"providers": {"groq": {"modelOverrides": {"new": {"contextWindow": 77}}}}}
    (tmp_path / "models.json").write_text(json.dumps(override))
    update(tmp_path, lists, reply([model()], last_modified=LATER))
    assert groq(tmp_path)["new"].context_window == 77


def test_an_unchanged_catalog_is_not_sent_again(tmp_path: Path, lists: Lists) -> None:
    update(tmp_path, lists, reply([model()], last_modified=LATER, etag='"1"'))
    assert update(tmp_path, lists) == Updated("groq", "unchanged", 1)
    assert [headers.get("if-none-match") for _, headers, _ in lists.asked] == [None, '"1"']
    assert "new" in groq(tmp_path)


def test_a_catalog_older_than_that_of_this_pi_is_left(tmp_path: Path, lists: Lists) -> None:
    assert update(tmp_path, lists, reply([model()], last_modified=EARLIER)).outcome == "older"
    assert not fetched_path(tmp_path, "groq").exists()


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"<html>"),
        reply(7),
        reply([]),
        reply([model(baseUrl="https://evil.example/v1")]),  # keys would be sent there
        reply([model(baseUrl="http://api.groq.com/openai/v1")]),
        reply([model(api="unknown")]),
        reply([model(maxTokens=-1)]),
        reply([model(cost={"input": -3})]),
        reply([model(contextWindow="many")]),
        reply([model(str(at)) for at in range(5001)]),
        reply(b" " * (LARGEST + 1)),
        reply([model()], 500),
    ],
)
def test_a_broken_download_changes_nothing(tmp_path: Path, lists: Lists, answer: Reply) -> None:
    update(tmp_path, lists, reply([model("good")], last_modified=LATER))
    before = fetched_path(tmp_path, "groq").read_bytes()
    assert update(tmp_path, lists, answer).outcome == "failed"
    assert fetched_path(tmp_path, "groq").read_bytes() == before


def test_a_catalog_sets_no_headers(tmp_path: Path, lists: Lists) -> None:
    update(tmp_path, lists, reply([model(headers={"User-Agent": "another product"})], last_modified=LATER))
    assert groq(tmp_path)["new"].headers is None


def test_a_provider_that_the_server_does_not_know_keeps_its_models(tmp_path: Path, lists: Lists) -> None:
    assert update(tmp_path, lists).outcome == "absent"


def test_a_broken_file_counts_as_none(tmp_path: Path) -> None:
    path = fetched_path(tmp_path, "groq")
    path.parent.mkdir()
    path.write_text("{")
    assert set(groq(tmp_path)) == {each.id for each in catalog_models("groq")}


def test_where_catalogs_come_from_can_be_said() -> None:
    path = "/api/models/providers/{provider}?types=chat"
    assert catalog_url(None, {}) == f"https://pi.dev{path}"
    assert catalog_url("https://a/", {}) == f"https://a{path}"
    assert (
        catalog_url("https://a", {"PI_MODEL_CATALOG_URL": "https://b/{provider}.json"})
        == "https://b/{provider}.json"
    )


def test_offline_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Offline"):
        asyncio.run(update_catalogs(tmp_path, catalog_url(None, {}), env={"PI_OFFLINE": "1"}))
