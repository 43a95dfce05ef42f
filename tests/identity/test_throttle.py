"""Too many attempts: exact however many workers ask at once, and the same for accounts that do not exist."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from tests.factories import PASSWORD, Factories
from tests.fixtures.database import Database
from tests.identity.conftest import Providers
from webapp.identity.local import LocalProvider, Throttle
from webapp.identity.provider import AccountExists, TooManyAttempts, Visitor, WrongCredentials

HERE = Visitor.at("192.0.2.7")
FEW = Throttle(account=3, address=5, sign_ups=2, window=timedelta(minutes=15))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare passwords without bcrypt: here they are only counted."""
    monkeypatch.setattr("webapp.identity.passwords.matches", lambda password, stored: password == PASSWORD)


def attempt(
    provider: LocalProvider, email: str = "ada@example.test", password: str = "wrong", where: Visitor = HERE
) -> str:
    try:
        provider.sign_in(email, password, where)
    except WrongCredentials:
        return "wrong"
    except TooManyAttempts as exc:
        return "later" if 0 < exc.retry_after <= 900 else f"in {exc.retry_after} s"
    return "in"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("email", ["ada@example.test", "nobody@example.test"])
def test_of_sixty_attempts_by_sixteen_workers_exactly_ten_are_heard(
    factories: Factories, make: Providers, email: str
) -> None:
    factories.person(email="ada@example.test")
    start = Barrier(16)

    def worker(number: int) -> Counter[str]:
        provider = make()
        start.wait()
        return Counter(attempt(provider, email, where=Visitor.at(f"192.0.2.{number}")) for _ in range(4))

    with ThreadPoolExecutor(16) as pool:
        answers = sum(pool.map(worker, range(16)), Counter[str]())
    assert answers == {"wrong": 10, "later": 54}


@pytest.mark.usefixtures("quick")
def test_an_address_is_counted_over_all_the_accounts_it_tries(make: Providers) -> None:
    start = Barrier(8)

    def worker(number: int) -> Counter[str]:
        provider = make(throttle=Throttle(address=20))
        start.wait()
        return Counter(attempt(provider, f"{number}-{turn}@example.test") for turn in range(5))

    with ThreadPoolExecutor(8) as pool:
        answers = sum(pool.map(worker, range(8)), Counter[str]())
    assert answers == {"wrong": 20, "later": 20}


@pytest.mark.usefixtures("quick")
def test_whoever_is_refused_is_refused_with_the_right_password_too(factories: Factories, make: Providers) -> None:
    factories.person(email="ada@example.test")
    provider = make(throttle=FEW)
    assert [attempt(provider) for _ in range(4)] == ["wrong", "wrong", "wrong", "later"]
    assert attempt(provider, password=PASSWORD) == "later"


@pytest.mark.usefixtures("quick")
def test_a_success_is_no_failure_and_forgives_none(factories: Factories, make: Providers) -> None:
    factories.person(email="ada@example.test")
    provider = make(throttle=FEW)
    answers = [attempt(provider, password=PASSWORD) for _ in range(8)]
    assert answers == ["in"] * 8
    turns = ["wrong", PASSWORD, "wrong", PASSWORD, "wrong", PASSWORD]
    assert [attempt(provider, password=turn) for turn in turns] == ["wrong", "in", "wrong", "in", "wrong", "later"]


@pytest.mark.usefixtures("quick")
def test_the_case_of_an_address_makes_no_other_account(make: Providers) -> None:
    provider = make(throttle=FEW)
    answers = [attempt(provider, email) for email in ("ada@x.test", "Ada@x.test", " ADA@x.test", "aDa@X.test")]
    assert answers == ["wrong", "wrong", "wrong", "later"]


@pytest.mark.usefixtures("quick")
def test_an_address_that_is_refused_cannot_lock_out_an_account(factories: Factories, make: Providers) -> None:
    factories.person(email="ada@example.test")
    provider = make(throttle=FEW)
    for number in range(5):
        attempt(provider, f"{number}@example.test")
    assert [attempt(provider) for _ in range(5)] == ["later"] * 5
    assert attempt(provider, password=PASSWORD, where=Visitor.at("198.51.100.1")) == "in"


@pytest.mark.usefixtures("quick")
def test_ipv6_is_counted_by_its_network(make: Providers) -> None:
    provider = make(throttle=FEW)
    for number in range(5):
        assert attempt(provider, f"{number}@x.test", where=Visitor.at(f"2001:db8::{number:x}")) == "wrong"
    assert attempt(provider, "5@x.test", where=Visitor.at("2001:db8::ffff%eth0")) == "later"
    assert attempt(provider, "5@x.test", where=Visitor.at("2001:db8:0:1::1")) == "wrong"


@pytest.mark.usefixtures("quick")
def test_mapped_ipv4_addresses_are_not_one_network(make: Providers) -> None:
    provider = make(throttle=FEW)
    for number in range(8):
        assert attempt(provider, f"{number}@x.test", where=Visitor.at(f"::ffff:192.0.2.{number}")) == "wrong"


@pytest.mark.usefixtures("quick")
def test_where_no_address_is_known_accounts_are_counted_still(make: Providers) -> None:
    provider = make(throttle=FEW)
    for where in (Visitor.at(None), Visitor.at("unix:"), Visitor.at(""), Visitor.at("not an address")):
        assert where.address is None
        attempt(provider, where=where)
    assert attempt(provider, where=Visitor.at(None)) == "later"


@pytest.mark.usefixtures("quick")
def test_after_the_window_the_count_begins_anew(database: Database, make: Providers) -> None:
    provider = make(throttle=FEW)
    for _ in range(4):
        attempt(provider)
    database.sql("update rowhouse_auth.attempts set window_ends = now() - interval '1 s'")
    assert [attempt(provider) for _ in range(4)] == ["wrong", "wrong", "wrong", "later"]


@pytest.mark.usefixtures("quick")
def test_counts_that_are_over_are_cleared_away_and_name_nobody(database: Database, make: Providers) -> None:
    provider = make(throttle=FEW)
    for number in range(4):
        attempt(provider, f"{number}@x.test")
    database.sql("update rowhouse_auth.attempts set window_ends = now() - interval '1 s'")
    attempt(provider, "my password typed into the wrong field")
    rows = database.sql("select kind, subject, attempts from rowhouse_auth.attempts order by kind")
    assert [(kind, len(subject), attempts) for kind, subject, attempts in rows] == [
        ("account", 32, 1),
        ("address", 32, 1),
    ]


def test_sign_ups_are_counted_by_address(make: Providers) -> None:
    provider = make(throttle=FEW)
    provider.sign_up("a@example.test", "correct staple horse", HERE)
    provider.sign_up("b@example.test", "correct staple horse", HERE)
    with pytest.raises(TooManyAttempts):
        provider.sign_up("c@example.test", "correct staple horse", HERE)
    provider.sign_up("c@example.test", "correct staple horse", Visitor.at("198.51.100.1"))


def test_a_sign_up_for_an_address_that_has_an_account_counts_too(make: Providers) -> None:
    provider = make(throttle=FEW)
    provider.sign_up("a@example.test", "correct staple horse", HERE)
    with pytest.raises(AccountExists):
        provider.sign_up("a@example.test", "correct staple horse", HERE)
    with pytest.raises(TooManyAttempts):
        provider.sign_up("a@example.test", "correct staple horse", HERE)


def test_a_sign_up_that_is_refused_costs_no_bcrypt(make: Providers, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def counted(password: str) -> str:
        hashed.append(password)
        return "$2a$10$" + "x" * 53

    monkeypatch.setattr("webapp.identity.passwords.hash_password", counted)
    provider = make(throttle=FEW)
    for number in range(2):
        provider.sign_up(f"{number}@example.test", "correct staple horse", HERE)
    for number in range(5):
        with pytest.raises(TooManyAttempts):
            provider.sign_up(f"more-{number}@example.test", "correct staple horse", HERE)
    assert len(hashed) == 2


def test_of_forty_sign_ups_by_eight_workers_exactly_twenty_are_heard(
    make: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.identity.passwords.hash_password", lambda password: "$2a$10$" + "x" * 53)
    start = Barrier(8)

    def worker(number: int) -> Counter[str]:
        provider, heard = make(), Counter[str]()
        start.wait()
        for turn in range(5):
            try:
                provider.sign_up(f"{number}-{turn}@example.test", "correct staple horse", HERE)
            except TooManyAttempts:
                heard["later"] += 1
            else:
                heard["made"] += 1
        return heard

    with ThreadPoolExecutor(8) as pool:
        answers = sum(pool.map(worker, range(8)), Counter[str]())
    assert answers == {"made": 20, "later": 20}
