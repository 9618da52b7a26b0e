"""The texts that failures of OpenAI-compatible hosts become."""

import json

import pytest

from pi.llm.formats.openai_errors import error_text, refusal_text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain text", "500 plain text"),
        ("", "500 status code (no body)"),
        ('{"detail":"x"}', "500 status code (no body)"),
        ("[1]", "500 status code (no body)"),
        ("null", "500 null"),
        ('{"error":"text"}', '500 "text"'),
        ('{"error":{}}', "500 {}"),
        (
            '{"error":{"message":"m","metadata":{"raw":"{\\"q\\":1}"}}}',
            '500: {"message":"m","metadata":{"raw":"{\\"q\\":1}"}}\n{"q":1}',
        ),
        (
            json.dumps({"error": {"message": "y" * 5000}}),
            '500: {"message":"' + "y" * 3988 + "... [truncated 1014 chars]",
        ),
        ('{"error":{"message":"half \\ud83d"}}', '500: {"message":"half \\ud83d"}'),
    ],
)
def test_the_text_of_an_http_error(body, text):
    assert refusal_text(500, body) == text


def test_the_text_of_an_error_whose_message_is_no_text():
    assert error_text({"message": {"why": "x"}}) == '{"why":"x"}'
