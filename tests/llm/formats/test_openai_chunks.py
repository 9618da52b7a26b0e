"""Pieces of a Chat Completions stream that are not as they should be."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pi.llm.formats.openai_chunks import ChunkReader


@given(st.text(st.characters(codec="utf-16"), max_size=30), st.integers(1, 5))
def test_text_survives_a_host_that_slices_utf_16(text, size):
    units = text.encode("utf-16-le")
    slices = [
        units[i : i + 2 * size].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2 * size)
    ]
    reader = ChunkReader()
    chunks = [
        reader.read(json.dumps({"choices": [{"delta": {"content": part}}]}).encode()) for part in slices
    ]
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == text
