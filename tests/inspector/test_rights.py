"""Roles, grants and what bypasses row security: the engine and Postgres agree on them, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.inspector.scratch import ANON, Scratch
from webapp.inspector import explain, oracle
from webapp.inspector.viewpoint import Viewpoint


@pytest.mark.parametrize(("option", "visible"), [("with inherit", True), ("with inherit false", False)])
def test_a_policy_to_a_role_binds_its_members_if_they_inherit(
    scratch: Scratch, make_role: Callable[..., Viewpoint], option: str, visible: bool
) -> None:
    group, member = make_role(), make_role("inherit")
    if int(scratch.database.version.partition(".")[0]) < 16:
        option = ""
        scratch.run(f"alter role {member.name} {'inherit' if visible else 'noinherit'}")
    elif visible:
        option = "with inherit true"
    scratch.run(f"grant {group.name} to {member.name} {option}")
    scratch.secured("t", "k int primary key", f"for select to {group.name} using (true)")
    scratch.run("insert into t values (1)", f"grant usage on schema {scratch.schema} to {member.name}")
    scratch.run(f"grant select on t to {member.name}")
    scratch = with_roles(scratch, member)
    assert [seen.visible for seen in scratch.agree("t", member).rows] == [visible]


def with_roles(scratch: Scratch, *viewpoints: Viewpoint) -> Scratch:
    """Return the scratch with a desk that allows these roles too."""
    roles = scratch.desk.roles | {viewpoint.identity.role for viewpoint in viewpoints}
    return Scratch(scratch.database, type(scratch.desk)(scratch.desk.engine, roles=frozenset(roles)), scratch.schema)


@pytest.mark.parametrize(
    ("attributes", "owns", "forced", "visible"),
    [
        ("bypassrls", False, False, True),
        ("bypassrls", False, True, True),
        ("", True, False, True),
        ("", True, True, False),
        ("", False, False, False),
    ],
)
def test_who_bypasses_row_security_sees_every_row(
    scratch: Scratch, make_role: Callable[..., Viewpoint], attributes: str, owns: bool, forced: bool, visible: bool
) -> None:
    somebody = make_role(attributes)
    scratch.secured("t", "k int primary key", "for select to anon using (true)")
    scratch.run("insert into t values (1)", f"grant usage on schema {scratch.schema} to {somebody.name}")
    scratch.run(f"grant select on t to {somebody.name}")
    if owns:
        scratch.run(f"alter table t owner to {somebody.name}")
    if forced:
        scratch.run("alter table t force row level security")
    scratch = with_roles(scratch, somebody)
    assert [seen.visible for seen in scratch.agree("t", somebody).rows] == [visible]


@pytest.mark.parametrize(
    ("made", "rung"),
    [
        (f"revoke usage on schema SCHEMA from {ANON.identity.role}", "schema"),
        (f"revoke all on t from {ANON.identity.role}", "table"),
    ],
)
def test_a_missing_grant_is_the_reason_before_any_policy(scratch: Scratch, made: str, rung: str) -> None:
    scratch.secured("t", "k int primary key", "using (true)")
    scratch.run("insert into t values (1)", made.replace("SCHEMA", scratch.schema))
    found = scratch.why("t", {"k": "1"}, viewpoint=ANON)
    assert (found.verdict, found.trusted) == ("denied", True)
    assert next(step.name for step in found.rungs if step.passed is False) == rung
    page = scratch.page("t", viewpoint=ANON)
    assert (page.rows[0].visible, page.rows[0].sights[0].trusted) == (False, True)
    assert oracle.count(scratch.desk, ANON.identity, scratch.table("t", ANON)).visible == 0


def test_a_grant_on_columns_is_enough_where_the_key_is_among_them(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, v text", "using (v = 'x')")
    scratch.run("insert into t values (1, 'x'), (2, 'y')", "revoke all on t from authenticated")
    scratch.run("grant select (k) on t to authenticated")
    page = scratch.page("t")
    assert [(s.visible, s.sights[0].trusted) for s in page.rows] == [(True, True), (False, True)]
    assert scratch.why("t", {"k": "1"}).trusted


def test_a_grant_on_columns_without_the_key_is_not_trusted(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key, v text", "using (v = 'x')")
    scratch.run("insert into t values (1, 'x')", "revoke all on t from authenticated")
    scratch.run("grant select (v) on t to authenticated")
    found = scratch.why("t", {"k": "1"})
    assert not found.trusted
    assert not scratch.page("t").rows[0].sights[0].trusted


def test_a_row_that_is_not_there_is_said_not_to_be(scratch: Scratch) -> None:
    scratch.secured("t", "k int primary key", "using (true)")
    for key in ("1", "x", "99999999999999999999", ""):
        with pytest.raises(explain.NoSuchRow):
            scratch.why("t", {"k": key})
