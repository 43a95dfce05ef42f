"""Read policies for rows: which apply at a stage of a command, and what each and each of its clauses comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from webapp.inspector import words
from webapp.inspector.catalog import Policy, Table
from webapp.inspector.clauses import Node, granting_rows, parse, sides, tokens
from webapp.inspector.desk import Eye
from webapp.inspector.evaluate import LONGEST, UNASKED, Cell, as_set, as_text, evaluate
from webapp.inspector.findings import Clause, Command, Fault, Operand, PolicyReading
from webapp.inspector.veil import Veil, veiled

Part = Literal["using", "check"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Name one question of a command: which command's policies, which of their expressions, and of which row.

    ``row`` is "existing" for the row as it stands, "new" for the one that the command would write, and "updated" for
    what ON CONFLICT DO UPDATE would make of the one that is there.
    """

    command: Command
    part: Part
    row: Literal["existing", "new", "updated"] = "existing"

    def expression(self, policy: Policy) -> str | None:
        """Return the policy's expression at this stage: WITH CHECK falls back to USING (CREATE POLICY)."""
        if self.part == "check" and policy.check is not None:
            return policy.check
        return policy.using

    def applies(self, policy: Policy) -> bool:
        """Tell whether Postgres asks the policy at this stage."""
        return policy.for_role and policy.command in (self.command, "all") and self.expression(policy) is not None


SESSION: Final = "session_id"
TOGETHER: Final = "could not be asked together"
# What a row's expressions came to, by their SQL.
Answers = dict[str, Cell]


@lru_cache(maxsize=2048)
def tree(expression: str) -> Node:
    """Return an expression's clauses; the same text is cut once."""
    return parse(expression)


class Judge:
    """Ask policies of rows as one person. ``detail`` asks for the values on both sides of each clause, too."""

    def __init__(
        self,
        eye: Eye,
        table: Table,
        *,
        detail: bool = False,
        veil: Veil | None = None,
    ) -> None:
        self._eye = eye
        self._table = table
        self._detail = detail
        self._veil = veil
        self._policies = {policy.name: policy for policy in table.policies}

    def read(self, stage: Stage, rows: Sequence[str]) -> list[tuple[PolicyReading, ...]]:
        """Return, for each row, the readings of the policies that apply at ``stage``. Raises TooSlow."""
        asked = [policy for policy in self._table.policies if stage.applies(policy)]
        trees = [tree(str(stage.expression(policy))) for policy in asked]
        answers = self._ask(rows, asked, trees)
        leaves = [[leaf.sql for leaf in node.leaves] for node in trees]
        # Rows of which every clause came to the same have the same reading: of a page most do.
        known: dict[tuple[object, ...], PolicyReading] = {}
        found = []
        for row, cells in zip(rows, answers, strict=True):
            readings = []
            for number, (policy, node) in enumerate(zip(asked, trees, strict=True)):
                of = [cells[leaf] for leaf in leaves[number]]
                is_plain = not self._detail and all(cell.fault is None for cell in of)
                same = (number, *(cell.value for cell in of)) if is_plain else None
                reading = known.get(same) if same is not None else None
                if reading is None:
                    reading = self._reading(stage, policy, self._clause(node, cells), row)
                    if same is not None:
                        known[same] = reading
                readings.append(reading)
            found.append(tuple(readings))
        return found

    def sentence(self, stage: Stage, readings: Sequence[PolicyReading], row: str) -> Sentence:
        """Return what the readings of a row come to.

        Where one of several permissive policies raises, whether the statement raises is asked of Postgres, for all of
        them joined by OR as it joins them, against the order of their names: one that is true may end the question
        before the other is reached, and a right that lacks is missed before any row is read.
        """
        admitted, why = words.permissive(readings)
        joined = [reading for reading in readings if reading.applies and reading.permissive]
        policies = self._policies
        if admitted and any(not reading.is_known and policies[reading.name].closed for reading in joined):
            # What could not be asked may lack a right, which is missed before the first policy is asked of a row.
            admitted, why = None, TOGETHER
        if len(joined) > 1 and any(reading.fault is not None for reading in joined):
            expressions = [str(stage.expression(policies[reading.name])) for reading in reversed(joined)]
            closed = [name for reading in joined for name in policies[reading.name].closed]
            expression = " OR ".join(f"({one})" for one in expressions)
            whole = evaluate(self._eye, self._table, [row], [expression], closed=closed)[0][0]
            if whole.fault is None and whole.value:
                admitted, why = True, words.admitting(joined)
            elif whole.fault is not None and whole.fault.sqlstate == UNASKED:
                # Without one that is true, the row is not admitted in whatever order they are asked.
                if any(reading.value for reading in joined):
                    admitted, why = None, TOGETHER
            elif whole.fault is not None:
                raising = next(reading.name for reading in joined if reading.fault is not None)
                admitted, why = False, f"{raising} {words.raised(whole.fault)}"
        return Sentence(admitted, why, *words.restrictive(readings))

    def _ask(self, rows: Sequence[str], asked: Sequence[Policy], trees: Sequence[Node]) -> list[Answers]:
        """Return what every clause comes to for each row: one query, and one more for what names closed schemas."""
        answers: list[Answers] = [{} for _ in rows]
        for is_closed in (False, True):
            items: dict[str, None] = {}
            closed: set[str] = set()
            for policy, node in zip(asked, trees, strict=True):
                if bool(policy.closed) == is_closed:
                    closed |= set(policy.closed)
                    for leaf in node.leaves:
                        items |= dict.fromkeys((leaf.sql, *(self._asides(leaf) if self._detail else ())))
            cells = evaluate(self._eye, self._table, rows, list(items), closed=closed)
            for answer, of_row in zip(answers, cells, strict=True):
                answer.update(zip(items, of_row, strict=True))
        return answers

    def _asides(self, leaf: Node) -> list[str]:
        """Return what else is asked of a clause: its sides, or the row that an EXISTS finds."""
        compared = sides(leaf.sql)
        if compared is None:
            row = granting_rows(leaf.sql)
            if row is None or self._is_covered(leaf.sql):
                return []
            return [as_text(self._veil.row(row) if self._veil else row)]
        items = [as_text(compared.left)]
        if compared.right:
            items.append(as_set(compared.right) if compared.is_set else as_text(compared.right))
        return items

    def _clause(self, node: Node, cells: Answers) -> Clause:
        if node.kind == "leaf":
            return self._leaf(node, cells)
        parts = tuple(self._clause(part, cells) for part in node.parts)
        value, is_known = _composed(node.kind, parts)
        return Clause(node.sql, node.kind, value, is_known, clauses=parts)

    def _leaf(self, node: Node, cells: Answers) -> Clause:
        cell = cells[node.sql]
        if cell.fault is not None and cell.fault.sqlstate == UNASKED:
            return Clause(node.sql, "leaf", evidence=f"could not be asked: {cell.fault.message}")
        if cell.fault is not None:
            fault = self._told(cell.fault, node.sql)
            return Clause(node.sql, "leaf", fault=fault, evidence=words.raised(fault))
        value: bool | None = cell.value
        if not self._detail:
            return Clause(node.sql, "leaf", value, True)
        compared, asides = sides(node.sql), self._asides(node)
        got = [cells[item] for item in asides]
        if compared is None:
            said = _found(node.sql, value, got, is_masked=self._is_covered(node.sql))
            return Clause(node.sql, "leaf", value, True, evidence=said)
        operands = tuple(
            self._operand(side, cell)
            for side, cell in zip((compared.left, compared.right), got, strict=False)
            if cell.fault is None
        )
        if len(operands) < len(got):
            return Clause(node.sql, "leaf", value, True)
        said = words.evidence(compared.operator, value, operands, {})
        return Clause(node.sql, "leaf", value, True, operator=compared.operator, operands=operands, evidence=said)

    def _operand(self, side: str, cell: Cell) -> Operand:
        value = cell.value
        if value is not None and len(value) > LONGEST:
            value = value[:LONGEST] + "…"
        constant = is_constant(side)
        covered = not constant and self._is_covered(side)
        return Operand(side, None if covered else value, covered and value is not None, constant)

    def _is_covered(self, text: str) -> bool:
        return self._veil is not None and self._veil.covers(text)

    def _told(self, fault: Fault, text: str) -> Fault:
        return veiled(fault) if self._is_covered(text) else fault

    def _unclaimed(self, expression: str) -> tuple[str, ...]:
        """Return the claim that somebody signed in has, and whoever is looked through has not, where it is read."""
        if f"'{SESSION}'" in expression and f'"{SESSION}"' not in self._eye.identity.claims:
            return (f"the claim {SESSION}",)
        return ()

    def _reading(self, stage: Stage, policy: Policy, clause: Clause, row: str) -> PolicyReading:
        value, is_known, fault = clause.value, clause.is_known, clause.fault
        expression = str(stage.expression(policy))
        if not is_known:
            # A part raised, which need not be reached: the whole is asked, as Postgres asks it.
            whole = evaluate(self._eye, self._table, [row], [expression], closed=policy.closed)[0][0]
            is_known = whole.fault is None
            value, fault = whole.value, whole.fault
            if fault is not None and fault.sqlstate == UNASKED:
                fault = None
            fault = self._told(fault, expression) if fault is not None else None
        return PolicyReading(
            policy.name,
            policy.permissive,
            policy.command,
            policy.roles,
            applies=True,
            part="check" if stage.part == "check" and policy.check is not None else "using",
            sql=clause.sql,
            value=value,
            is_known=is_known,
            fault=fault,
            clauses=(clause,),
            volatile=policy.volatile,
            ambient=(*policy.ambient, *self._unclaimed(expression)),
        )


@dataclass(frozen=True, slots=True)
class Sentence:
    """Hold what the policies of a stage come to for one row: the permissive ones, of which one must pass, and the rest.

    None where it is not known. The words say why.
    """

    admitted: bool | None
    why: str
    unhindered: bool | None
    why_unhindered: str

    @property
    def verdict(self) -> bool | None:
        """Return whether the row passes; None where that is not known."""
        if self.admitted is False or self.unhindered is False:
            return False
        return None if self.admitted is None or self.unhindered is None else True


def not_asked(table: Table, stage: Stage) -> tuple[PolicyReading, ...]:
    """Return the policies that do not apply at ``stage``, each with the reason."""
    return tuple(
        PolicyReading(
            policy.name,
            policy.permissive,
            policy.command,
            policy.roles,
            applies=False,
            why_not=_why_not(table, stage, policy),
            part=stage.part,
            sql=stage.expression(policy) or "",
        )
        for policy in table.policies
        if not stage.applies(policy)
    )


def _why_not(table: Table, stage: Stage, policy: Policy) -> str:
    if policy.command not in (stage.command, "all"):
        return f"is for {policy.command.upper()}"
    if not policy.for_role:
        return f"is for {', '.join(policy.roles)}, whose rights {table.rights.role} does not have"
    return "has no USING expression"


def _composed(kind: str, parts: Sequence[Clause]) -> tuple[bool | None, bool]:
    """Return what AND, OR and NOT come to in SQL's logic of three values, and whether that is known."""
    if kind == "not":
        part = parts[0]
        return (None if part.value is None else not part.value), part.is_known
    decisive = kind == "or"  # one true part decides an OR, one false part an AND
    if not all(part.is_known for part in parts):
        return None, False  # which part Postgres asks first is its planner's choice
    values = [part.value for part in parts]
    if decisive in values:
        return decisive, True
    return (None if None in values else not decisive), True


@lru_cache(maxsize=4096)
def is_constant(side: str) -> bool:
    """Tell whether an operand is a value that was written into the policy: a literal, with its type."""
    of = tokens(side)
    cast = next((place for place, token in enumerate(of) if token.text == "::"), len(of))
    return bool(of) and all(
        token.kind in ("text", "number") or token.word in ("TRUE", "FALSE", "NULL", "ARRAY") or token.text in "()[],-::"
        for token in of[: max(cast, 1)]
    )


def _found(clause: str, value: bool | None, got: Sequence[Cell], *, is_masked: bool) -> str:
    if clause.upper().startswith("EXISTS"):
        if not value:
            return "finds no row"
        cell = got[0] if got else Cell()
        if is_masked or cell.fault is not None or not isinstance(cell.value, str):
            return "finds a row"
        return f"finds {cell.value if len(cell.value) <= LONGEST else cell.value[:LONGEST] + '…'}"
    if clause.lower() in ("true", "false"):
        return ""
    return f"it is {'NULL' if value is None else str(value).lower()}"
