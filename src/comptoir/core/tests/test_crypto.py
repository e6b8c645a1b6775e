"""INV-08's tools, and signed numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.core import crypto

KEY = b"k" * 32


def test_a_mapping_survives_encryption_and_its_ciphertext_shows_nothing() -> None:
    ciphertext = crypto.encrypt_mapping({"password": "très secret"})
    assert b"secret" not in ciphertext
    assert crypto.decrypt_mapping(ciphertext) == {"password": "très secret"}


def test_a_ciphertext_of_another_key_says_what_to_do_and_shows_nothing() -> None:
    with pytest.raises(crypto.UndecipherableError, match="enter the credentials again") as caught:
        crypto.decrypt_mapping(b"gAAAAABnot-ours")
    assert "not-ours" not in str(caught.value)


@given(st.integers(min_value=0, max_value=2**48 - 1))
def test_a_signed_number_comes_back_whatever_the_case(number: int) -> None:
    token = crypto.sign_number(number, key=KEY)
    assert token == token.lower()
    assert token.isalnum()
    assert crypto.verify_number(token.upper(), key=KEY) == number


@given(st.text(max_size=40))
def test_a_forged_token_is_nobody(token: str) -> None:
    assert crypto.verify_number(token, key=KEY) is None


def test_one_changed_letter_breaks_a_token() -> None:
    token = crypto.sign_number(42, key=KEY)
    for position, letter in enumerate(token[:-1]):
        forged = token[:position] + ("a" if letter != "a" else "b") + token[position + 1 :]
        assert crypto.verify_number(forged, key=KEY) is None
