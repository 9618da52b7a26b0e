"""Where a model on Azure is asked, and under which name."""

import pytest

from pi.llm.formats.azure import api_version, base_url, deployment
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.platform.errors import ConfigError


def a_model(url=""):
    return Model("gpt-5.4", "azure", "azure-openai-responses", url)


def seeing(**env):
    return StreamOptions(env={f"AZURE_OPENAI_{name}": value for name, value in env.items()})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1"),
        (" https://r.cognitiveservices.azure.com/ ", "https://r.cognitiveservices.azure.com/openai/v1"),
        ("https://r.services.ai.azure.com/openai/", "https://r.services.ai.azure.com/openai/v1"),
        ("https://R.OpenAI.Azure.com/", "https://R.OpenAI.Azure.com/openai/v1"),
        (
            "https://r.openai.azure.com/openai/v1/responses?api-version=1",
            "https://r.openai.azure.com/openai/v1",
        ),
        ("https://r.openai.azure.com/openai/v1/", "https://r.openai.azure.com/openai/v1"),
        ("https://r.ai.azure.com/api/projects/p", "https://r.ai.azure.com/api/projects/p"),
        ("https://azure.com.example", "https://azure.com.example"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
    ],
)
def test_the_root_of_a_resource_becomes_the_address_of_the_api(given, used):
    assert base_url(a_model(), seeing(BASE_URL=given)) == used
    assert base_url(a_model(given), seeing()) == used


def test_an_address_beats_a_resource_and_that_the_models_own_address():
    own = a_model("https://own.example/v1")
    url = "https://proxy.example/v1"
    assert base_url(own, seeing(BASE_URL=url, RESOURCE_NAME="r")) == url
    assert base_url(own, seeing(BASE_URL=" ", RESOURCE_NAME="r")) == "https://r.openai.azure.com/openai/v1"
    assert base_url(own, seeing()) == own.base_url


@pytest.mark.parametrize(
    ("url", "text"), [("", "Set AZURE_OPENAI_BASE_URL or AZURE_OPENAI_RESOURCE_NAME"), ("nowhere", "nowhere")]
)
def test_without_an_address_the_error_says_what_to_set(url, text):
    with pytest.raises(ConfigError, match=text):
        base_url(a_model(url), seeing())


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ("", "gpt-5.4"),
        ("gpt-5.4=mine", "mine"),
        (" other = x ,, gpt-5.4 = mine ", "mine"),
        ("gpt-5.4=first,gpt-5.4=second", "second"),
        ("gpt-5.4=", "gpt-5.4"),
        ("gpt-5.4", "gpt-5.4"),
    ],
)
def test_a_model_may_be_deployed_under_another_name(names, name):
    assert deployment(a_model(), seeing(DEPLOYMENT_NAME_MAP=names)) == name


def test_the_api_version_can_be_chosen():
    assert (api_version(seeing()), api_version(seeing(API_VERSION="preview"))) == ("v1", "preview")


def test_variables_of_the_process_count_where_nothing_else_is_given(monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", "preview")
    assert (api_version(StreamOptions()), api_version(seeing())) == ("preview", "v1")
