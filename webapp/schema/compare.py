"""Autogenerate's eyes for row security, policies, grants, functions and triggers.

Importing this module registers one comparator. It reports whatever differs between what the models declare and what
the database has, in both directions, as operations of ``webapp.schema.operations``: ``alembic check`` fails on them
and ``alembic revision --autogenerate`` writes them. A table of ours that declares nothing is compared with
``RowSecurity()``: row security forced, and nobody let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import CreateTableOp, UpgradeOps
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import MetaData, Table

from webapp.rls.policy import FUNCTIONS_KEY, TRIGGERS_KEY, Function, RowSecurity, Trigger, row_security_of
from webapp.schema import operations as ops
from webapp.schema.catalog import Held, TableState, as_grants
from webapp.schema.project import SCHEMAS
from webapp.schema.trial import INVALID_FUNCTION_DEFINITION, Trial, make_declared

_NOTHING: Final = RowSecurity()
_Key = tuple[str, str]  # a table: its schema and its name


@dataclass(slots=True)
class Plan:
    """Gather operations by when they must run: before the tables change, after it, and when all else is done."""

    first: list[MigrateOperation] = field(default_factory=list)
    then: list[MigrateOperation] = field(default_factory=list)
    last: list[MigrateOperation] = field(default_factory=list)


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def compare(context: AutogenContext, upgrade: UpgradeOps, schemas: set[str | None]) -> PriorityDispatchResult:
    """Put our operations around those that Alembic found for the tables themselves."""
    assert context.connection is not None
    looked_at = {schema or "public" for schema in schemas} & set(SCHEMAS)
    tables = {(t.schema or "public", t.name): t for t in context.sorted_tables if (t.schema or "public") in looked_at}
    declared = {key: row_security_of(table) or _NOTHING for key, table in tables.items()}
    functions: tuple[Function, ...] = _declared(context.metadata, FUNCTIONS_KEY)
    triggers: tuple[Trigger, ...] = _declared(context.metadata, TRIGGERS_KEY)
    trial = make_declared(
        context.connection, looked_at, {key: own.policies for key, own in declared.items()}, functions, triggers
    )
    for key, state in trial.before.tables.items():
        if state.is_partition:
            declared.setdefault(key, _NOTHING)

    plan = Plan()
    _compare_triggers(plan, trial, triggers)
    _drop_policies(plan, trial, declared)
    _forget_tables(plan, trial, declared)
    _compare_functions(plan, trial, functions, _defaults(upgrade, tables))
    for key, own in declared.items():
        _compare_table(plan, trial, key, own)
    upgrade.ops[:] = [*plan.first, *upgrade.ops, *plan.then, *plan.last]
    return PriorityDispatchResult.CONTINUE


def _declared(metadata: Any, key: str) -> tuple[Any, ...]:
    every = [metadata] if isinstance(metadata, MetaData) else list(metadata or ())
    return tuple(one for each in every for one in each.info.get(key, ()))


def _defaults(upgrade: UpgradeOps, tables: Mapping[_Key, Table]) -> str:
    """Return the server defaults of all tables to be made: the functions that they call must be there first."""
    made = {(op.schema or "public", op.table_name) for op in upgrade.ops if isinstance(op, CreateTableOp)}
    columns = [column for key in made & tables.keys() for column in tables[key].columns]
    return "\n".join(str(getattr(column.server_default, "arg", "")) for column in columns)


def _compare_triggers(plan: Plan, trial: Trial, declared: tuple[Trigger, ...]) -> None:
    before, after = trial.before.triggers, trial.after.triggers
    wanted = {trial.triggers[trigger]: trigger for trigger in declared}
    for key, old in sorted(before.items()):
        new = wanted.get(key)
        if new is not None and new not in trial.refused and after[key] == old:
            continue
        if new is not None and ops.replacing_trigger(new) and ops.replacing_trigger(old):
            plan.last.append(ops.ReplaceTrigger(new, old))
            continue
        plan.first.append(ops.DropTrigger(old))
        if new is not None:
            plan.last.append(ops.CreateTrigger(new))
    plan.last += [ops.CreateTrigger(new) for key, new in wanted.items() if key not in before]


def _is_stale(trial: Trial, key: _Key, name: str) -> bool:
    """Tell whether a policy that is there differs from the one that is declared under its name."""
    if (*key, name) in trial.refused:
        return True
    return trial.before.tables[key].policies[name] != trial.after.tables[key].policies.get(name)


def _drop_policies(plan: Plan, trial: Trial, declared: Mapping[_Key, RowSecurity]) -> None:
    for key, state in sorted(trial.before.tables.items()):
        wanted = {policy.name for policy in declared.get(key, _NOTHING).policies}
        for name, old in sorted(state.policies.items()):
            if name not in wanted or _is_stale(trial, key, name):
                plan.first.append(ops.DropPolicy(state.name, old, state.schema))


def _forget_tables(plan: Plan, trial: Trial, declared: Mapping[_Key, RowSecurity]) -> None:
    """Undo what guards a table that Alembic is about to drop, so that the downgrade guards it again."""
    for key, state in sorted(trial.before.tables.items()):
        if key not in declared:
            # MAINTAIN came with PostgreSQL 17, and an older one would not understand the migration.
            held = {one for one in state.grants if one.privilege != "maintain"}
            plan.first += [ops.RevokeOnTable(state.name, grant, state.schema) for grant in as_grants(held)]
            plan.first.append(ops.RevokeAll(state.name, state.schema))
            if state.enabled:
                plan.first.append(ops.DisableRowSecurity(state.name, state.schema))


def _compare_functions(plan: Plan, trial: Trial, declared: tuple[Function, ...], defaults: str) -> None:
    before, after = trial.before.functions, trial.after.functions
    for function in declared:
        oid = trial.functions[function.signature]
        if oid is None or oid not in before:
            needed_early = function.signature.partition("(")[0] + "(" in defaults
            (plan.first if needed_early else plan.then).append(ops.CreateFunction(function))
            continue
        state = before[oid]
        old = Function(function.signature, state.function.sql, state.function.execute)
        if trial.refused.get(function) == INVALID_FUNCTION_DEFINITION:
            plan.then += [ops.DropFunction(old), ops.CreateFunction(function)]
        elif (
            function in trial.refused
            or state.function.sql != after[oid].function.sql
            or set(old.execute) != set(function.execute) - {state.owner}
        ):
            plan.then.append(ops.ReplaceFunction(function, old))
    for oid in sorted(before.keys() - set(trial.functions.values())):
        plan.last.append(ops.DropFunction(before[oid].function))


def _compare_table(plan: Plan, trial: Trial, key: _Key, declared: RowSecurity) -> None:
    """Compare RLS, grants and the policies that are to be made; those to be dropped have gone first."""
    schema, table = key
    state = trial.before.tables.get(key)
    if state is None:
        plan.then += [
            ops.RevokeAll(table, schema),
            ops.EnableRowSecurity(table, schema),
            *(ops.GrantOnTable(table, grant, schema) for grant in declared.grants),
            *(ops.CreatePolicy(table, policy, schema) for policy in declared.policies),
        ]
        return
    if not (state.enabled and state.forced):
        plan.then.append(ops.EnableRowSecurity(table, schema, force_only=state.enabled))
    _compare_grants(plan, state, declared)
    for policy in declared.policies:
        if policy.name not in state.policies or _is_stale(trial, key, policy.name):
            plan.then.append(ops.CreatePolicy(table, policy, schema))


def _compare_grants(plan: Plan, state: TableState, declared: RowSecurity) -> None:
    wanted = {
        Held(grant.role, privilege, column)
        for grant in declared.grants
        for privilege in grant.privileges
        for column in (grant.columns or (None,))
        if grant.role != state.owner
    }
    extra = state.grants - wanted
    # REVOKE on the table takes the same privilege from each column, also from those that shall keep it.
    emptied = {(held.role, held.privilege) for held in extra if held.column is None}
    lost = {held for held in wanted if held.column and (held.role, held.privilege) in emptied}
    missing = (wanted - state.grants) | lost
    plan.then += [ops.RevokeOnTable(state.name, grant, state.schema) for grant in as_grants(extra)]
    plan.then += [ops.GrantOnTable(state.name, grant, state.schema) for grant in as_grants(missing)]
