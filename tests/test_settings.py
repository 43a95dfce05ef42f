"""Settings: what is missing or unsafe is said at start, with what to set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.application import MakeApp
from tests.fixtures.cluster import Postgres
from tests.fixtures.database import Database
from webapp.inspector.desk import MASKS
from webapp.settings import BadSettings, Settings, load, load_direct_url

GOOD: dict[str, Any] = {
    "database_url": "postgresql://rowhouse_web@db.example.com:6543/postgres",
    "signin_database_url": "postgresql://rowhouse_signin@db.example.com:6543/postgres",
    "secret_key": "s" * 32,
    "jwt_secret": "j" * 32,
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_each_missing_setting_is_named_with_what_it_is() -> None:
    with pytest.raises(BadSettings) as refused:
        load()
    lines = str(refused.value).splitlines()
    assert [line.split()[0] for line in lines] == ["DATABASE_URL", "SIGNIN_DATABASE_URL", "SECRET_KEY", "JWT_SECRET"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"database_url": "mysql://x/y"}, "postgresql:// only"),
        ({"database_url": "not a url"}, "DATABASE_URL"),
        ({"signin_database_url": "mysql://x/y"}, "SIGNIN_DATABASE_URL.*postgresql:// only"),
        ({"secret_key": "short"}, "32 bytes"),
        ({"jwt_secret": "é" * 15}, "32 bytes"),
        ({"jwt_secret_previous": "short"}, "JWT_SECRET_PREVIOUS.*32 bytes"),
        ({"jwt_secret": GOOD["secret_key"]}, "SECRET_KEY and JWT_SECRET are the same"),
        ({"jwt_secret_previous": GOOD["jwt_secret"]}, "JWT_SECRET and JWT_SECRET_PREVIOUS are the same"),
        ({"jwt_secret_previous": GOOD["secret_key"]}, "SECRET_KEY and JWT_SECRET_PREVIOUS are the same"),
        ({"secret_key_previous": GOOD["secret_key"]}, "SECRET_KEY and SECRET_KEY_PREVIOUS are the same"),
        ({"secret_key_previous": GOOD["jwt_secret"]}, "SECRET_KEY_PREVIOUS and JWT_SECRET are the same"),
        ({"secret_key_previous": "p" * 32, "jwt_secret_previous": "p" * 32}, "_PREVIOUS and JWT_SECRET_PREVIOUS"),
        ({"public_url": "http://work.example.com"}, "https"),
        ({"public_url": "work.example.com"}, "scheme"),
        ({"public_url": "https://work.example.com/app"}, "without a path"),
        ({"public_url": "https://work.example.com", "debug": True}, "DEBUG"),
        ({"public_url": "https://work.example.com", "rowhouse_demo": True}, "ROWHOUSE_DEMO"),
        ({"log_level": "LOUD"}, "LOG_LEVEL"),
        ({"inspector_database_url": "mysql://x/y"}, "INSPECTOR_DATABASE_URL.*postgresql:// only"),
        ({"inspector_database_url": "postgres://rowhouse_web@db:5432/x"}, "has the login of DATABASE_URL"),
        ({"inspector_roles": ""}, "INSPECTOR_ROLES.*a role at least"),
        ({"inspector_roles": "anon,none"}, "INSPECTOR_ROLES.*none is the login itself"),
        ({"inspector_roles": "a" * 64}, "INSPECTOR_ROLES.*roles of Postgres"),
        ({"inspector_diagnosis": "perhaps"}, "INSPECTOR_DIAGNOSIS"),
        ({"statement_timeout_ms": 0}, "STATEMENT_TIMEOUT_MS"),
    ],
)
def test_an_unsafe_or_wrong_setting_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        load(**(GOOD | wrong))


def test_no_message_shows_a_secret() -> None:
    with pytest.raises(BadSettings) as refused:
        load(**(GOOD | {"secret_key": "hunter2", "database_url": "mysql://u:sesame@h/d"}))
    assert "hunter2" not in str(refused.value)
    assert "sesame" not in str(refused.value)
    assert GOOD["jwt_secret"] not in repr(load(**GOOD))


def test_the_secrets_before_these_are_read_and_shown_to_nobody() -> None:
    settings = load(**(GOOD | {"secret_key_previous": "o" * 32, "jwt_secret_previous": "p" * 32}))
    assert (settings.previous_keys, settings.previous_jwt_secrets) == (("o" * 32,), ("p" * 32,))
    assert "p" * 32 not in repr(settings)
    assert load(**GOOD).previous_jwt_secrets == ()


def test_what_the_inspector_may_do_is_read_from_lists_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(**GOOD)
    assert (settings.inspector_roles, settings.inspector_masks) == (("anon", "authenticated"), MASKS)
    assert settings.inspector_diagnosis
    monkeypatch.setenv("INSPECTOR_ROLES", "anon, service_role")
    monkeypatch.setenv("INSPECTOR_MASKS", "Pass-Word, iban")
    monkeypatch.setenv("INSPECTOR_DIAGNOSIS", "off")
    settings = load(**GOOD)
    assert settings.inspector_roles == ("anon", "service_role")
    assert settings.inspector_masks == ("pass_word", "iban")  # as names of columns are compared
    assert not settings.inspector_diagnosis


def test_no_word_at_all_masks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_MASKS", "")
    assert load(**GOOD).inspector_masks == ()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(**GOOD).debug = True


def test_hosts_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example.com, b.example.com")
    settings = load(**(GOOD | {"public_url": "https://work.example.com"}))
    assert settings.trusted_hosts == ["a.example.com", "b.example.com", "work.example.com"]
    assert settings.secure_cookies


@pytest.mark.parametrize(
    ("made_unsafe", "said"),
    [
        ("alter role rowhouse_web superuser", "superuser"),
        ("alter role rowhouse_web bypassrls", "BYPASSRLS"),
        ("grant service_role to rowhouse_web", "service_role"),
        ("create table public.mine (); alter table public.mine owner to rowhouse_web", "owns"),
        ("grant anon to rowhouse_signin", "rowhouse_signin is a member of anon"),
        ("grant usage on schema rowhouse_auth to rowhouse_web", "rowhouse_auth as rowhouse_web"),
    ],
)
def test_a_login_that_rls_does_not_bind_is_refused_at_start(
    make_app: MakeApp, spare_database: Callable[[], Database], postgres: Postgres, made_unsafe: str, said: str
) -> None:
    database = spare_database()
    try:
        database.admin_sql(made_unsafe)
        with pytest.raises(BadSettings, match=said):
            make_app(database)
    finally:
        database.admin_sql(
            "alter role rowhouse_web nosuperuser nobypassrls; revoke service_role from rowhouse_web;"
            "revoke anon from rowhouse_signin;"
            "drop table if exists public.mine"
        )


def test_the_login_of_the_requests_is_none_that_signs_people_in(make_app: MakeApp, database: Database) -> None:
    with pytest.raises(BadSettings, match=r"rowhouse_web is a member of anon(.|\n)*SIGNIN_DATABASE_URL"):
        make_app(signin_database_url=database.web_url)
    with pytest.raises(BadSettings, match=r"rowhouse_auth as rowhouse_signin(.|\n)*DATABASE_URL"):
        make_app(database_url=database.signin_url)


def test_the_demonstration_is_for_this_machine() -> None:
    assert load(**(GOOD | {"rowhouse_demo": True})).on_loopback


def test_commands_that_serve_nobody_need_the_owners_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_DIRECT", "postgresql://postgres@db.example.com/postgres")
    assert load_direct_url() == "postgresql://postgres@db.example.com/postgres"


@pytest.mark.parametrize(("value", "said"), [(None, "not set"), ("mysql://x/y", "postgresql:// only"), ("", "not set")])
def test_the_owners_address_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch, value: str | None, said: str) -> None:
    if value is not None:
        monkeypatch.setenv("DATABASE_URL_DIRECT", value)
    with pytest.raises(BadSettings, match=f"DATABASE_URL_DIRECT.*{said}"):
        load_direct_url()
