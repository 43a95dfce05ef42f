"""The migrations as SQL files for the Supabase command line: ``supabase/migrations/<14 digits>_<slug>.sql``.

A file says what ``alembic upgrade --sql`` says of its revision, the record in ``rowhouse.alembic_version`` included,
so that a project migrated by either tool is known to the other. BEGIN and COMMIT are left out, because
``supabase db push`` runs each file in a transaction together with its own record of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Final

from alembic import command
from alembic.script import Script, ScriptDirectory

from webapp.schema.project import EXPORTED, ROOT, configuration

_CREATED: Final = re.compile(r"^Create Date: *(.+?) *$", re.MULTILINE)


class BadRevision(ValueError):
    """Say why a revision cannot be given a file."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Name the files of one export.

    ``changed`` were written (or, when only checking, would be), ``stale`` belong to no revision and are for a person
    to remove: a project that has applied one of them needs to be told.
    """

    current: tuple[Path, ...]
    changed: tuple[Path, ...]
    stale: tuple[Path, ...]

    @property
    def is_current(self) -> bool:
        """Tell whether the folder says what the migrations say."""
        return not self.changed and not self.stale

    def messages(self, check: bool = False) -> list[str]:
        """Return a line for each file that is not, or was not, as it should be."""
        told = "differs from its revision; run: rowhouse migrations export" if check else "written"
        return [f"{path.name}: {told}" for path in self.changed] + [
            f"{path.name}: belongs to no revision; remove it" for path in self.stale
        ]


def export(check: bool = False, folder: Path = EXPORTED) -> Exported:
    """Write one file per revision, and with ``check`` none; return what was found.

    The same revision gives the same bytes on any machine: nothing of the clock, the database or the models is in
    them. Raises BadRevision where revisions have no date, or dates in another order than their own.
    """
    wanted = dict(_files())
    changed = []
    for name, content in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            changed.append(path)
            if not check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    stale = sorted(path for path in folder.glob("*.sql") if path.name not in wanted)
    current = [folder / name for name in wanted if folder / name not in changed]
    return Exported(tuple(current), tuple(changed), tuple(stale))


def _files() -> Iterator[tuple[str, bytes]]:
    scripts = ScriptDirectory.from_config(configuration())
    newest = ""
    for script in reversed(list(scripts.walk_revisions())):
        digits = _digits(script)
        if digits <= newest:
            raise BadRevision(
                f"Revision {script.revision} is dated no later than the one before it, and the Supabase command line "
                "goes by the dates. Correct the line 'Create Date:' in its docstring."
            )
        newest = digits
        slug = Path(script.path).stem.removeprefix(f"{script.revision}_")
        yield f"{digits}_{slug}.sql", _sql(script).encode()


def _digits(script: Script) -> str:
    """Return the second in which a revision was created, in UTC, as the Supabase command line writes it."""
    found = _CREATED.search(script.longdoc)
    if found is None:
        raise BadRevision(
            f"Revision {script.revision} has no line 'Create Date: 2026-01-31 12:00:00+00:00' in its docstring."
        )
    try:
        created = datetime.fromisoformat(found[1])
    except ValueError:
        raise BadRevision(f"Revision {script.revision}: {found[1]!r} is not a date and time.") from None
    if created.tzinfo is not None:
        created = created.astimezone(UTC)
    return created.strftime("%Y%m%d%H%M%S")


def _sql(script: Script) -> str:
    output = StringIO()
    config = configuration(bare=True, metadata=None)
    config.output_buffer = output
    before = script.down_revision or "base"
    if not isinstance(before, str):
        raise BadRevision(f"Revision {script.revision} merges others; revisions are one line, each after the last.")
    command.upgrade(config, f"{before}:{script.revision}", sql=True)
    path = Path(script.path)
    source = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    # Not one character of the statements is touched: a function's body is what stands between its quotes.
    heading = f"-- Written by 'rowhouse migrations export' from {source}. Change that, not this."
    return f"{heading}\n\n{output.getvalue().strip()}\n"
