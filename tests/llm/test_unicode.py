from hypothesis import given
from hypothesis import strategies as st

from pi.llm.unicode import utf16_len, well_formed, well_formed_json

ANY_TEXT = st.text(st.sampled_from("aé€😀\ud83d\ude00\udfff\ud800"))


@given(ANY_TEXT)
def test_cleaned_text_can_be_sent_and_keeps_every_whole_character(text: str) -> None:
    clean = well_formed(text)

    clean.encode()
    whole = "".join(char for char in clean if ord(char) < 0x10000)
    assert whole == "".join(
        char for char in text if not 0xD800 <= ord(char) <= 0xDFFF and ord(char) < 0x10000
    )


@given(st.text())
def test_good_text_stays_the_same_object(text: str) -> None:
    assert well_formed(text) is text


def test_halves_side_by_side_become_one_character_and_single_ones_go() -> None:
    assert well_formed("a\ude00\ud83d\ude00b\ud83d") == "a😀b"


def test_json_is_copied_only_where_it_is_mended() -> None:
    good = {"a": ["é", {"b": 1}], "c": None}

    assert well_formed_json(good) is good
    assert well_formed_json({"k\ud83d": ["x\ude00", 1, {"y": "z"}]}) == {"k": ["x", 1, {"y": "z"}]}


def test_length_is_counted_as_javascript_counts_it() -> None:
    assert [utf16_len(text) for text in ("abc", "é", "😀", "\ud83d")] == [3, 1, 2, 1]
