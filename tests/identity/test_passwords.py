"""Which passwords are refused, and how the others are kept."""

from __future__ import annotations

import bcrypt
import pytest

from webapp.identity import passwords


@pytest.mark.parametrize(
    "password",
    [
        "correct staple horse",
        "sjfieowq",
        "12 Häuser in einer Reihe",
        "rowhouse-demo",
        "x7" * 36,
        "日本語のパスワードです",
        "        a b c",
    ],
)
def test_a_long_or_rare_password_is_welcome_without_rules_on_its_characters(password: str) -> None:
    assert passwords.reasons_against(password, "owner@acme.test") == ()


@pytest.mark.parametrize("password", ["", "a", "1234567", "Tr0ub4d"])
def test_fewer_than_eight_characters_are_refused(password: str) -> None:
    assert passwords.reasons_against(password) == (passwords.TOO_SHORT,)


def test_seventy_two_bytes_are_welcome_and_one_more_is_refused_before_hashing() -> None:
    assert passwords.reasons_against("äb" * 24) == ()
    assert passwords.reasons_against("äb" * 24 + "c") == (passwords.TOO_LONG,)
    with pytest.raises(ValueError, match="72 bytes"):
        passwords.hash_password("äb" * 24 + "c")


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord",
        "password1",
        "Password123!",
        "qwertyuiop",
        "letmein!",
        "!!dragon!!",
        "iloveyou2",
        "12345678",
        "87654321",
        "abcdefgh",
        "aaaaaaaa",
        "abababab",
        "rowhouse",
        "Sunshine99",
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    assert passwords.reasons_against(password) == (passwords.COMMON,)


@pytest.mark.parametrize("password", ["jonas.weber@acme.test", "jonas.weber", "Jonas.Weber"])
def test_ones_own_address_is_refused(password: str) -> None:
    assert passwords.reasons_against(password, "Jonas.Weber@acme.test") == (passwords.OWN_ADDRESS,)


def test_the_list_of_common_passwords_is_in_lower_case_and_holds_hundreds() -> None:
    common = passwords._common()
    assert len(common) > 300
    assert all(word == word.casefold() for word in common)


def test_a_hash_is_what_supabase_auth_stores() -> None:
    stored = passwords.hash_password("correct staple horse")
    assert stored.startswith("$2a$10$")
    assert len(stored) == 60
    assert passwords.matches("correct staple horse", stored)
    assert not passwords.matches("correct staple horsf", stored)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
def test_hashes_that_come_along_from_supabase_are_understood(prefix: bytes) -> None:
    stored = bcrypt.hashpw(b"correct staple horse", bcrypt.gensalt(4, prefix=prefix)).decode()
    assert passwords.matches("correct staple horse", stored)


def test_what_stands_beyond_72_bytes_is_not_ignored() -> None:
    stored = passwords.hash_password("x7" * 36)
    assert passwords.matches("x7" * 36, stored)
    assert not passwords.matches("x7" * 36 + "more", stored)


@pytest.mark.parametrize(
    "stored", [None, "", "plain text", "$argon2id$v=19$m=65536", "$2a$10$cut", "$2a$10$" + "é" * 53]
)
def test_without_a_usable_hash_one_bcrypt_is_computed_and_nothing_matches(
    stored: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        same = real(password, hashed)
        hashes.append(hashed)
        return same

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    assert not passwords.matches("whatever it is", stored)
    assert hashes == [passwords.NOBODY.encode()]


def test_text_that_is_no_unicode_does_not_fail() -> None:
    assert not passwords.matches("\ud800\0", passwords.NOBODY)
    assert passwords.matches("a\ud800b\0c1234", passwords.hash_password("a\ud800b\0c1234"))
