"""The exported SQL: the same bytes each time, the same schema as the migrations, and nothing a linter objects to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from webapp.ops import migrate
from webapp.schema import export as module
from webapp.schema.export import BadRevision, export
from webapp.schema.project import EXPORTED, ROOT


def test_each_revision_has_one_file_named_by_its_date(tmp_path: Path) -> None:
    names = [path.name for path in export(folder=tmp_path).changed]
    assert len(names) == int(migrate.head())
    assert names == sorted(names)
    assert all(name[:14].isdigit() and name[14] == "_" for name in names)


def test_exporting_again_writes_nothing(tmp_path: Path) -> None:
    export(folder=tmp_path)
    again = export(folder=tmp_path)
    assert again.is_current
    assert again.changed == ()
    assert len(again.current) == int(migrate.head())


def test_checking_writes_nothing_and_tells_what_differs(tmp_path: Path) -> None:
    missing = export(check=True, folder=tmp_path)
    assert not missing.is_current
    assert list(tmp_path.iterdir()) == []
    export(folder=tmp_path)
    first = min(tmp_path.iterdir())
    first.write_text(first.read_text() + "-- by hand\n")
    differing = export(check=True, folder=tmp_path)
    assert differing.changed == (first,)
    assert differing.messages(check=True) == [
        f"{first.name}: differs from its revision; run: rowhouse migrations export"
    ]


def test_a_file_without_a_revision_is_told_and_left(tmp_path: Path) -> None:
    export(folder=tmp_path)
    stale = tmp_path / "20200101000000_gone.sql"
    stale.write_text("select 1;")
    found = export(folder=tmp_path)
    assert found.stale == (stale,)
    assert stale.exists()
    assert found.messages() == [f"{stale.name}: belongs to no revision; remove it"]


def test_the_repositorys_files_are_current() -> None:
    assert export(check=True).messages(check=True) == []


def test_the_exported_sql_makes_the_same_schema_as_the_migrations(
    blank: Callable[[], str], dump: Callable[[str], str], tmp_path: Path
) -> None:
    migrated, applied = blank(), blank()
    migrate.upgrade(migrated)
    export(folder=tmp_path)
    for path in sorted(tmp_path.glob("*.sql")):
        with psycopg.connect(applied) as connection:
            connection.execute(path.read_bytes())
    assert dump(applied) == dump(migrated)
    assert migrate.current(applied) == migrate.head()


def test_the_files_bring_no_transaction_of_their_own() -> None:
    for path in EXPORTED.glob("*.sql"):
        statements = path.read_text().split("\n\n")
        assert not {"BEGIN;", "COMMIT;"} & {statement.strip() for statement in statements}


def test_squawk_finds_nothing(tmp_path: Path) -> None:
    export(folder=tmp_path)
    squawk = shutil.which("squawk", path=str(Path(sys.executable).parent))
    assert squawk is not None
    files = [str(path) for path in sorted(tmp_path.glob("*.sql"))]
    done = subprocess.run([squawk, "--reporter", "gcc", *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class _Script:
    def __init__(self, longdoc: str) -> None:
        self.revision, self.longdoc = "0009", longdoc


def test_a_date_is_told_in_utc() -> None:
    assert module._digits(_Script("A\n\nCreate Date: 2026-01-31 01:02:03.5+02:00")) == "20260130230203"  # type: ignore[arg-type]


@pytest.mark.parametrize("docstring", ["No date.", "Create Date: soon"])
def test_a_revision_without_a_date_is_refused(docstring: str) -> None:
    with pytest.raises(BadRevision, match="0009"):
        module._digits(_Script(docstring))  # type: ignore[arg-type]
