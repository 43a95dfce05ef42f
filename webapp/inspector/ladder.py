"""The rungs of the ladder in Postgres's order, and the verdict that they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from webapp.inspector import words
from webapp.inspector.catalog import Privilege, Table
from webapp.inspector.findings import Clause, Command, PolicyReading, Rung, Verdict
from webapp.inspector.judge import Sentence, Stage
from webapp.inspector.reasons import plain
from webapp.inspector.rows import WHOLE, key_names
from webapp.inspector.whatif import Wanted

TOLD = 3  # policies that are told of in one sentence
NO_RLS = {"matview": "a materialised view has none", "foreign": "a foreign table has none"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Name a stage for people: ``prefix`` begins the names of its rungs, ``label`` says what is asked of which row."""

    stage: Stage
    prefix: str = ""
    label: str = ""


def stages(command: Command, wanted: Wanted, *, meets_another: bool) -> tuple[Asked, ...]:
    """Return the stages of a command. What finds its row by a WHERE, or answers with it, asks the SELECT policies too.

    ``meets_another`` tells whether an INSERT with ON CONFLICT DO UPDATE meets a row that is there.
    """
    if command == "select":
        return (Asked(Stage("select", "using")),)
    seen = Asked(Stage("select", "using"), "select_", "SELECT policies, since WHERE reads the row")
    if command == "delete":
        return (Asked(Stage("delete", "using"), "", "DELETE policies"), seen)
    if command == "update":
        return (
            Asked(Stage("update", "using"), "", "UPDATE policies, of the row as it stands"),
            seen,
            Asked(Stage("update", "check", "new"), "check_", "UPDATE checks, of the row as it would be"),
            Asked(Stage("select", "using", "new"), "result_", "SELECT policies, of the row as it would be"),
        )
    found = [Asked(Stage("insert", "check", "new"), "", "INSERT checks")]
    if wanted.returning or wanted.conflict_columns:
        why = "RETURNING" if wanted.returning else "ON CONFLICT"
        found.append(Asked(Stage("select", "using", "new"), "select_", f"SELECT policies, since {why} reads the row"))
    if meets_another:
        found += [
            Asked(Stage("update", "using"), "conflict_", "UPDATE policies, of the row that is there"),
            Asked(Stage("select", "using"), "conflict_select_", "SELECT policies, of the row that is there"),
            Asked(Stage("update", "check", "updated"), "conflict_check_", "UPDATE checks, of what becomes of it"),
            Asked(Stage("select", "using", "updated"), "conflict_result_", "SELECT policies, of what becomes of it"),
        ]
    return tuple(found)


def rights(table: Table, command: Command, wanted: Wanted) -> tuple[Rung, ...]:
    """Return the rungs before any policy: schema, table, columns, and whether row security binds the role."""
    role, has = table.rights.role, table.rights
    schema = f"{role} has {'' if has.usage else 'no '}USAGE on {table.schema}"
    return (
        Rung("schema", "Schema", has.usage, schema),
        _table_rung(table, command),
        _columns_rung(table, command, wanted),
        _security_rung(table),
    )


def _table_rung(table: Table, command: Command) -> Rung:
    has, name = table.rights, command.upper()
    if command in has.granted:
        return Rung("table", "Table", True, f"{name} is granted")
    some = has.columns.get(command, frozenset())
    if some:
        return Rung("table", "Table", True, f"{name} is granted on {len(some)} of {len(table.columns)} columns")
    return Rung("table", "Table", False, f"{name} on {table.full_name} is not granted to {has.role}")


def _columns_rung(table: Table, command: Command, wanted: Wanted) -> Rung:
    lacking = _lacking(table, command, wanted)
    if lacking:
        return Rung("columns", "Columns", False, "; ".join(lacking))
    readable = table.rights.columns["select"]
    if command == "select":
        rest = [column.name for column in table.columns if column.name not in readable]
        if "select" in table.rights.granted or not rest:
            return Rung("columns", "Columns", True, f"all {len(table.columns)}")
        return Rung("columns", "Columns", bool(readable), f"{len(readable)} of {len(table.columns)}; not {_list(rest)}")
    return Rung(
        "columns", "Columns", True, f"{_list(wanted.given)} may be written" if wanted.given else "no right is missing"
    )


def _lacking(table: Table, command: Command, wanted: Wanted) -> list[str]:
    """Return what a write lacks in rights on columns, one line for each kind."""
    needed: dict[Privilege, set[str]] = {}
    keyed = {name for name in key_names(table) if name != WHOLE}
    if command == "insert":
        needed["insert"] = set(wanted.given)
        needed["select"] = {*wanted.returning, *wanted.conflict_columns}
        if wanted.conflict == "update":
            changed = {name for name in wanted.given if name not in wanted.conflict_columns}
            needed["update"] = changed or set(wanted.given)
    elif command == "update":
        needed = {"update": set(wanted.given), "select": keyed | set(wanted.returning)}
    elif command == "delete":
        needed = {"select": keyed | set(wanted.returning)}
    lacking = []
    for privilege, names in needed.items():
        if privilege in table.rights.granted:
            continue
        missing = sorted(names - table.rights.columns.get(privilege, frozenset()))
        if missing:
            lacking.append(f"{privilege.upper()} on {_list(missing)} is not granted to {table.rights.role}")
    return lacking


def _list(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")


def _security_rung(table: Table) -> Rung:
    name, title = "row_security", "Row security"
    if table.kind in NO_RLS:
        return Rung(name, title, True, f"{NO_RLS[table.kind]}: every row passes")
    if table.is_view:
        if table.security_invoker:
            said = "security_invoker: the tables behind it are read with the rights of whoever asks"
        else:
            said = f"the tables behind it are read with the rights of its owner, {table.owner}"
        return Rung(name, title, None, said)
    if not table.rls_enabled:
        return Rung(name, title, True, "not enabled: every row passes")
    if table.rights.bypass:
        return Rung(name, title, True, f"enabled, and {table.rights.bypass}: every row passes")
    forced = "enabled and forced" if table.rls_forced else "enabled, and not forced on the owner"
    return Rung(name, title, True, f"{forced}; {table.rights.role} bypasses nothing")


def binds(table: Table) -> bool:
    """Tell whether policies are asked at all: row security is on, and the role bypasses nothing."""
    return table.rls_enabled and not table.rights.bypass and table.kind in ("table", "partitioned")


def policy_rungs(
    table: Table,
    asked: Asked,
    readings: tuple[PolicyReading, ...],
    others: tuple[PolicyReading, ...],
    sentence: Sentence | None,
) -> tuple[Rung, ...]:
    """Return the two rungs of a stage, none where no policy is asked. ``sentence`` is None where none could be made."""
    if not binds(table):
        return ()
    came_to = sentence or Sentence(None, "could not be asked", None, "could not be asked")
    of = readings + others
    return (
        Rung(
            f"{asked.prefix}permissive",
            "Permissive policies",
            came_to.admitted,
            came_to.why,
            asked.label,
            policies=tuple(reading for reading in of if reading.permissive),
        ),
        Rung(
            f"{asked.prefix}restrictive",
            "Restrictive policies",
            came_to.unhindered,
            came_to.why_unhindered,
            asked.label,
            policies=tuple(reading for reading in of if not reading.permissive),
        ),
    )


def climbed(rungs: Sequence[Rung]) -> list[Rung]:
    """Return the rungs with those after the first failure marked as not reached."""
    failed = False
    found = []
    for rung in rungs:
        found.append(replace(rung, reached=False) if failed else rung)
        failed = failed or rung.passed is False
    return found


def verdict(rungs: Sequence[Rung]) -> tuple[Verdict, str]:
    """Return what the ladder comes to, and the reason: the first rung that fails."""
    unknown = None
    for rung in rungs:
        if rung.passed is False:
            if unknown is not None and rung.name not in ("schema", "table", "columns"):
                # What is not known may fail or raise before it; the row is denied either way.
                return "denied", rung.evidence
            return "denied", reason(rung)
        if rung.passed is None and unknown is None:
            unknown = rung
    if unknown is not None:
        return "undecided", unknown.evidence
    return "allowed", next((admission(rung) for rung in rungs if rung.policies), rungs[-1].evidence)


def reason(rung: Rung) -> str:
    """Return why a rung fails: of each policy that holds the row back, the clause that does it, in a few words."""
    asked = [reading for reading in rung.policies if reading.applies]
    holding = [reading for reading in asked if reading.is_known and not reading.value]
    told = [f"{reading.name}: {_told(words.deciding(reading.clauses))}" for reading in holding if reading.clauses]
    if rung.passed is not False or not told or any(reading.fault is not None for reading in asked):
        return rung.evidence
    rest = f"; and {len(told) - TOLD} more" if len(told) > TOLD else ""
    # Away from its rung, the number of policies would not say what it counts.
    none = rung.evidence == words.none_admits(len(asked))
    said = "no permissive policy admits the row" if none else rung.evidence
    return f"{said}. {'; '.join(told[:TOLD])}{rest}"


def admission(rung: Rung) -> str:
    """Return which policy let the row through, and because of which clause."""
    admitting = next((reading for reading in rung.policies if reading.applies and reading.value), None)
    clause = words.granting(admitting.clauses) if admitting else None
    if admitting is None or clause is None:
        return rung.evidence
    return f"{admitting.name} admits the row: {_told(clause)}"


def _told(clause: Clause | None) -> str:
    """Return a clause as people would write it, with its evidence where there is some."""
    if clause is None:
        return "it is not true"
    evidence = f" ({clause.evidence})" if clause.evidence else ""
    return f"{plain(clause.sql)}{evidence}"
