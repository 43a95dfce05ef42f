"""The audit trail's addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.audit import export as exports
from webapp.blueprints.audit import filters, queries
from webapp.blueprints.audit.entries import Change
from webapp.blueprints.audit.kinds import KINDS
from webapp.blueprints.audit.words import OPERATOR, Told, last_name, tell
from webapp.web import access
from webapp.web.keyset import BadCursor
from webapp.web.scope import current
from webapp.web.streaming import stream_csv
from webapp.web.templating import render
from webapp.web.toasts import toast
from webapp.web.typed import printable

bp = Blueprint("audit", __name__, url_prefix="/o/<slug>/audit", template_folder="templates")

_TITLES = dict(sorted(((table, kind.title) for table, kind in KINDS.items()), key=lambda pair: pair[1]))


@bp.get("/")
@access.member("admin")
def index() -> ResponseReturnValue:
    """List what was changed, newest first."""
    org = current.tenant()
    try:
        wanted, errors = filters.read(request.args, _TITLES)
    except BadCursor:
        kept = {name: request.args[name] for name in ("table", "person", "from", "to") if name in request.args}
        return _first_page("audit.index", kept)
    page = queries.page(current.session, org.id, wanted)
    return render(
        "audit/index.html",
        "audit_list",
        wanted=wanted,
        errors=errors,
        typed={name: printable(request.args.get(name)) for name in ("from", "to")},
        page=page,
        told=_tell(page.changes),
        tables=_TITLES,
        people=queries.people(current.session, org.id),
        operator=OPERATOR,
    )


@bp.get("/export.csv")
@access.member("admin")
def export() -> ResponseReturnValue:
    """Send the entries that the list finds as a file, all of them."""
    args = {name: request.args[name] for name in ("table", "person", "from", "to") if name in request.args}
    wanted, _ = filters.read(args, _TITLES)
    return stream_csv(exports.rows(current.tenant().id, wanted), "audit")


@bp.get("/changes/<moment>")
@access.member("admin")
def change(moment: str) -> ResponseReturnValue:
    """Show all that one person did at one moment."""
    org = current.tenant()
    try:
        at = filters.moment(moment)
        after = UUID(request.args["after"]) if "after" in request.args else None
    except (BadCursor, ValueError):
        abort(404)
    found = queries.whole(current.session, org.id, at, after)
    if found is None:
        abort(404)
    return render(
        "audit/change.html",
        told=_tell(found.changes, every=True),
        found=found,
        moment=filters.stamp(at),
        exact=f"{at:%-d %B %Y, %H:%M:%S} UTC",
        is_first=after is None,
    )


@bp.get("/products/<uuid:product_id>")
@access.member("admin")
def product(product_id: UUID) -> ResponseReturnValue:
    """Show what happened to a product."""
    found = queries.product_name(current.session, current.tenant().id, product_id)
    name, sku = found or ("", "")
    return _history("product", "products", product_id, name, sku)


@bp.get("/orders/<uuid:order_id>")
@access.member("admin")
def order(order_id: UUID) -> ResponseReturnValue:
    """Show what happened to an order and to its items."""
    number = queries.order_number(current.session, current.tenant().id, order_id)
    return _history("order", "orders", order_id, f"Order {number}" if number else "", str(number or ""))


def _history(kind: str, table: str, record_id: UUID, name: str, short: str) -> ResponseReturnValue:
    """Render the history of a record; 404 where there is neither the record nor a trace of it."""
    before = request.args.get("after")
    try:
        page = queries.history(
            current.session, current.tenant().id, table, record_id, filters.moment(before) if before else None
        )
    except BadCursor:
        return _first_page(f"audit.{kind}", {f"{kind}_id": record_id})
    name = name or last_name(page.changes, record_id)
    if not name:
        abort(404)
    told = _tell(page.changes)
    return render(
        "audit/record.html",
        kind=kind,
        id=record_id,
        name=name,
        short=short,
        page=page,
        is_first=before is None,
        told=told,
        stamp=filters.stamp,
    )


def _first_page(endpoint: str, kept: dict[str, Any]) -> ResponseReturnValue:
    toast("That page of the trail can't be found any more. This is the first one.")
    return redirect(url_for(endpoint, **kept), 303)


def _tell(changes: Iterable[Change], *, every: bool = False) -> tuple[Told, ...]:
    found = list(changes)
    return tell(found, queries.names(current.session, current.tenant().id, found), every=every)


@bp.app_template_global("recent_changes")
def recent_changes(limit: int) -> tuple[Told, ...]:
    """Give a page of another feature the organisation's last changes in words; none to who may not see the trail."""
    return queries.recent(current.session, current.tenant().id, limit)
