"""What an address asks of the trail, and what is wrong with it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from webapp.blueprints.audit import filters
from webapp.blueprints.audit.filters import Wanted
from webapp.web.keyset import BadCursor

TABLES = {"products": "Products", "orders": "Orders"}


def test_the_state_survives_the_address() -> None:
    wanted = Wanted(
        "orders", UUID(int=7), since=date(2026, 1, 1), until=date(2026, 1, 31),
        after=datetime(2026, 1, 20, 12, 30, 1, 123456, tzinfo=UTC),
    )  # fmt: skip
    assert filters.read(wanted.args(), TABLES) == (wanted, {})
    assert filters.read(Wanted(by_operator=True).args(), TABLES)[0].by_operator
    assert Wanted().args() == {}


@pytest.mark.parametrize(
    "args", [{"table": "profiles"}, {"table": "auth.users"}, {"person": "' or 1=1"}, {"person": ""}, {"from": " "}]
)
def test_what_does_not_exist_narrows_nothing(args: dict[str, str]) -> None:
    wanted, errors = filters.read(args, TABLES)
    assert (wanted, errors, wanted.is_narrowed) == (Wanted(), {}, False)


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "31.1.2026", "2026-1-1", "\x00", "９９９９-０１-０１x"])
def test_a_day_that_is_none_is_said_and_does_not_bind(day: str) -> None:
    wanted, errors = filters.read({"from": day}, TABLES)
    assert wanted.since is None
    assert set(errors) == {"from"}


def test_days_in_the_wrong_order_are_said() -> None:
    wanted, errors = filters.read({"from": "2026-02-01", "to": "2026-01-01"}, TABLES)
    assert (wanted.since, wanted.until, set(errors)) == (date(2026, 2, 1), None, {"to"})


def test_a_day_is_whole_and_that_of_utc() -> None:
    wanted = Wanted(since=date(2026, 1, 31), until=date(2026, 1, 31))
    assert wanted.begins == datetime(2026, 1, 31, tzinfo=UTC)
    assert wanted.ends == datetime(2026, 2, 1, tzinfo=UTC)
    assert Wanted(until=date.max).ends is None


@pytest.mark.parametrize("text", ["", "x", "2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "9" * 50])
def test_a_moment_that_this_list_never_made_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        filters.moment(text)
