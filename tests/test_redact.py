"""What could be a private key is hidden, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.redact import HIDDEN, looks_like_key, redact

KEY = "c0ffee" * 10 + "c0de"


@pytest.mark.parametrize("form", [KEY, KEY.upper(), f"0x{KEY}", f"0X{KEY}", str(int(KEY, 16))])
@pytest.mark.parametrize("around", ["{}", "'{}'", "key={}, more", "keys/{}.json", "[{}]"])
def test_a_key_is_hidden_wherever_it_stands(form: str, around: str) -> None:
    assert redact(around.format(form)) == around.format(HIDDEN)


@pytest.mark.parametrize("text", ["0x" + "ab" * 20, "ab" * 16, "ab" * 33, "x" + KEY, "12345678901234567890", ""])
def test_what_is_no_key_stays(text: str) -> None:
    assert redact(text) == text


@given(st.integers(16**63, 16**64 - 1))
def test_every_key_of_full_length_is_hidden(key: int) -> None:
    for form in (f"{key:x}", f"0x{key:X}", str(key)):
        assert form not in redact(f"a {form} b")


def test_a_key_is_recognised() -> None:
    assert looks_like_key(f" 0x{KEY}\n")
    assert not looks_like_key(f"{KEY}.json")
