"""What is said of a clause, a policy and a rung: one sentence each, the same on pages, in the command and in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from webapp.inspector.findings import Clause, Explanation, Fault, Operand, PolicyReading

HIDDEN = "•••"
SHORT = 60  # characters of a value within a sentence


def quoted(operand: Operand) -> str:
    """Return a value as it stands in a sentence."""
    if operand.masked:
        return HIDDEN
    return shown(operand.value)


def shown(value: str | None) -> str:
    """Return a value as it stands in a sentence, cut where it is long; NULL for none, quotes around an empty one."""
    if not value:
        return "NULL" if value is None else "''"
    return value if len(value) <= SHORT else value[: SHORT - 1] + "…"


def raised(fault: Fault) -> str:
    """Return what Postgres said, with its code."""
    return f"raises: {fault.message} ({fault.sqlstate})" if fault.sqlstate else f"raises: {fault.message}"


def evidence(operator: str, value: bool | None, operands: Sequence[Operand], names: Mapping[str, str]) -> str:
    """Return why a comparison came to ``value``, in its operands' values; nothing where they say no more than that.

    ``names`` are what people call values that are ids.
    """
    said = [_named(operand, names) for operand in operands]
    if len(said) == 1:
        return f"it is {said[0]}"
    left, right = said
    if value is None:
        return f"NULL, since {'the left side' if operands[0].value is None else 'the right side'} is NULL"
    if operator in ("= ANY", "= SOME", "IN"):
        return f"{left} is {'among' if value else 'not among'} {right}"
    if operator in ("=", "IS NOT DISTINCT FROM"):
        if value:
            return f"both are {left}"
        return f"it is {left}" if operands[1].is_constant else f"{left} is not {right}"
    if operator in ("<>", "!=", "IS DISTINCT FROM"):
        if not value:
            return f"both are {left}"
        return f"it is {left}" if operands[1].is_constant else f"{left} is not {right}"
    if operands[1].is_constant:
        return f"it is {left}"
    return f"{left} and {right}"


def renamed(clause: Clause, names: Mapping[str, str]) -> Clause:
    """Return a clause with its evidence in the words that people use for ids."""
    if clause.kind != "leaf":
        return replace(clause, clauses=tuple(renamed(part, names) for part in clause.clauses))
    if not clause.operator or not names:
        return clause
    return replace(clause, evidence=evidence(clause.operator, clause.value, clause.operands, names))


def _named(operand: Operand, names: Mapping[str, str]) -> str:
    if operand.masked or operand.value is None:
        return quoted(operand)
    if operand.value in names:
        return names[operand.value]
    if operand.value.startswith("{") and operand.value.endswith("}"):
        parts = operand.value[1:-1].split(",")
        if any(part in names for part in parts):
            return "{" + ", ".join(names.get(part, part) for part in parts[:6]) + (", …}" if len(parts) > 6 else "}")
    return shown(operand.value)


def permissive(readings: Sequence[PolicyReading]) -> tuple[bool | None, str]:
    """Return whether the permissive policies admit the row, and why: one must; None where that is not known.

    Postgres asks them against the order of their names, as its cache of a table lists them (RelationBuildRowSecurity
    in src/backend/commands/policy.c), and stops at the first that is true; one that raises before that raises for the
    whole statement.
    """
    asked = [reading for reading in readings if reading.applies and reading.permissive]
    if not asked:
        return False, "no policy applies, and without one no row passes"
    for reading in reversed(asked):
        if reading.fault is not None:
            return False, f"{reading.name} {raised(reading.fault)}"
        if not reading.is_known:
            return None, f"{reading.name} could not be asked"
        if reading.value:
            return True, admitting(asked)
    return False, none_admits(len(asked))


def none_admits(asked: int) -> str:
    """Return that none of so many permissive policies admits the row, as it stands beside their name."""
    return f"0 of {asked} admit the row; one must"


def admitting(asked: Sequence[PolicyReading]) -> str:
    """Return which of the permissive policies that were asked admit the row."""
    names = [reading.name for reading in asked if reading.value]
    return f"{len(names)} of {len(asked)} admit{'s' * (len(names) == 1)} the row: {', '.join(names)}"


def restrictive(readings: Sequence[PolicyReading]) -> tuple[bool | None, str]:
    """Return whether every restrictive policy passes, and why; None where that is not known."""
    asked = [reading for reading in readings if reading.applies and not reading.permissive]
    if not asked:
        return True, "there are none"
    for reading in asked:
        if reading.fault is not None:
            return False, f"{reading.name} {raised(reading.fault)}"
    failing = [reading.name for reading in asked if reading.is_known and not reading.value]
    if failing:
        return False, f"{', '.join(failing)} {'holds' if len(failing) == 1 else 'hold'} the row back; all must pass"
    unknown = [reading.name for reading in asked if not reading.is_known]
    if unknown:
        return None, f"{', '.join(unknown)} could not be asked"
    return True, f"all {len(asked)} pass" if len(asked) > 1 else f"{asked[0].name} passes"


def sentence(found: Explanation) -> str:
    """Return the verdict as a sentence: who may or may not do what to which row."""
    may = {"allowed": "may", "denied": "may not", "undecided": "may or may not"}[found.verdict]
    does = {"select": "read", "insert": "insert", "update": "update", "delete": "delete"}[found.command]
    key = ", ".join(f"{name} {shown(value)}" for name, value in found.key.items())
    named = f" “{found.label}”" if found.command != "insert" and found.label not in found.key.values() else ""
    row = f" ({key})" if key else ""
    return f"{found.viewpoint} {may} {does} {'a row of ' * (not key)}{found.table.full_name}{row}{named}"


def deciding(clauses: Sequence[Clause]) -> Clause | None:
    """Return the clause that made an expression fail: the first leaf that is not true on the way down.

    Of an OR all parts failed; the one that came closest says most: an AND of which only one part failed.
    """
    for clause in clauses:
        if clause.is_known and clause.value and clause.kind != "not":
            continue
        if clause.kind == "leaf" or clause.fault is not None:
            return clause
        if clause.kind == "not":
            return clause
        if clause.kind == "and":
            return deciding([part for part in clause.clauses if not (part.is_known and part.value)]) or clause
        return deciding(sorted(clause.clauses, key=_failures)) or clause
    return None


def _failures(clause: Clause) -> float:
    """Return the share of a clause's leaves that are not true: less is closer."""
    if clause.kind == "leaf":
        return 0.0 if clause.value else 1.0
    parts = [_failures(part) for part in clause.clauses]
    return sum(parts) / len(parts) if parts else 1.0


def granting(clauses: Sequence[Clause]) -> Clause | None:
    """Return the clause that made an expression true: the last leaf of an AND is as good as any, the first of an OR."""
    for clause in clauses:
        if not (clause.is_known and clause.value):
            continue
        if clause.kind in ("leaf", "not"):
            return clause
        found = granting(clause.clauses)
        return found or clause
    return None


def told(clause: Clause) -> str:
    """Return a clause in a few words: its evidence where there is one, else its SQL."""
    if clause.fault is not None:
        return raised(clause.fault)
    return clause.evidence or clause.sql
