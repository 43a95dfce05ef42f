"""The orders' addresses, but for those where one is composed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from babel import Locale
from babel.dates import format_date, format_datetime
from flask import Blueprint, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.orders import export as exports
from webapp.blueprints.orders import listing as listings
from webapp.blueprints.orders import progress, queries, rows
from webapp.models import OrderStatus
from webapp.rls.errors import NotPermitted, Refused
from webapp.web import access
from webapp.web.formats import dates_tag
from webapp.web.keyset import BadCursor
from webapp.web.scope import current
from webapp.web.streaming import stream_csv
from webapp.web.templating import render
from webapp.web.toasts import toast
from webapp.web.typed import printable

bp = Blueprint("orders", __name__, url_prefix="/o/<slug>/orders", template_folder="templates")

DONE: Final = {
    OrderStatus.PROCESSING: "Order {} is being processed; its stock was taken.",
    OrderStatus.SHIPPED: "Order {} is marked as shipped.",
    OrderStatus.DELIVERED: "Order {} is marked as delivered.",
    OrderStatus.CANCELLED: "Order {} was cancelled.",
}
NOT_YOURS: Final = "An order is changed by the person who placed it, as long as it is pending, and by admins."


class Shortage(NamedTuple):
    """Name a product of which there is too little."""

    product_id: UUID
    sku: str
    name: str
    wanted: int
    available: int


class Refusal(NamedTuple):
    """Say why an order did not move on, or was not saved: too little stock, what somebody did meanwhile, or a reason.

    ``written`` is what the person had typed, by label, where that can't be saved any more.
    """

    message: str = ""
    short: tuple[Shortage, ...] = ()
    event: queries.Event | None = None
    written: tuple[tuple[str, str], ...] = ()


@bp.get("/")
@access.member()
def index() -> ResponseReturnValue:
    """List the orders, newest first."""
    org = current.tenant()
    try:
        listing, errors = listings.read(request.args)
    except BadCursor:
        toast("That page of the list can't be found any more. This is the first one.")
        # By name: url_for() has arguments of its own, which no visitor may give.
        kept: dict[str, Any] = {
            name: request.args[name] for name in ("show", "q", "from", "to") if name in request.args
        }
        return redirect(url_for("orders.index", **kept), 303)
    return render(
        "orders/index.html",
        "order_list",
        listing=listing,
        errors=errors,
        typed={name: printable(request.args.get(name)) for name in ("from", "to")},
        page=rows.page(current.session, org.id, listing),
        counts=rows.counts(current.session, org.id, listing),
        days=_days(listing.first, listing.last),
        spans=listings.spans(datetime.now(UTC).date()),
    )


@bp.get("/export.csv")
@access.member()
def export() -> ResponseReturnValue:
    """Send the orders that the list finds as a file, all of them."""
    org = current.tenant()
    args = {name: request.args[name] for name in ("show", "q", "from", "to") if name in request.args}
    listing, _ = listings.read(args)
    return stream_csv(exports.rows(org.id, org.currency, listing), "orders")


@bp.get("/<uuid:order_id>")
@access.member()
def show(order_id: UUID) -> ResponseReturnValue:
    """Show one order."""
    return shown(load(order_id))


@bp.get("/<uuid:order_id>/print")
@access.member()
def print_page(order_id: UUID) -> ResponseReturnValue:
    """Show an order as it is printed."""
    record = load(order_id)
    return render(
        "orders/print.html",
        order=record,
        items=queries.items(current.session, current.tenant().id, order_id),
        placed_on=format_datetime(record.placed_at.astimezone(UTC), "d MMMM y, HH:mm", locale=_dates()),
    )


@bp.post("/<uuid:order_id>/status")
@access.member("member")
def set_status(order_id: UUID) -> ResponseReturnValue:
    """Move an order on, or cancel it; whatever stands against it is said on its page."""
    record = load(order_id)
    wanted = next((status for status in DONE if status.value == request.form.get("to")), None)
    if wanted is None:
        return shown(record, Refusal("Say what is to happen with the order: press one of the buttons above."), 422)
    try:
        queries.set_status(current.session, current.tenant().id, order_id, wanted)
    except NotPermitted:
        abort(403, description=NOT_YOURS)
    except Refused as refused:
        return _refused(load(order_id), wanted, refused)
    toast(DONE[wanted].format(record.number))
    return redirect(url_for("orders.show", order_id=order_id), 303)


def _refused(record: queries.Record, wanted: OrderStatus, refused: Refused) -> ResponseReturnValue:
    if refused.constraint == "products_stock":
        return shown(record, Refusal(short=_shortages(refused.detail)), 409)
    if refused.constraint == "orders_empty":
        return shown(record, Refusal("There is nothing in this order. Add an item before it is processed."), 409)
    if refused.constraint not in ("orders_status", "orders_not_pending"):
        raise refused
    last = latest(record)
    viewer = current.viewer
    if record.status == wanted and last is not None and viewer is not None and last.actor == viewer.id:
        # The same person's second click: the first one has done what they want.
        return redirect(url_for("orders.show", order_id=record.id), 303)
    return shown(record, Refusal("Your click changed nothing; this is how the order stands now.", event=last), 409)


def _shortages(detail: Any) -> tuple[Shortage, ...]:
    return tuple(
        Shortage(UUID(item["product_id"]), item["sku"], item["name"], int(item["wanted"]), int(item["available"]))
        for item in detail or ()
    )


def latest(record: queries.Record) -> queries.Event | None:
    """Return the event that brought an order to its status, or None where nobody knows."""
    found = queries.events(current.session, current.tenant().id, record.id)
    return next((event for event in reversed(found) if event.event == record.status.value), None)


def load(order_id: UUID) -> queries.Record:
    """Return an order of this organisation, or answer 404: another organisation's is as absent as none."""
    record = queries.get(current.session, current.tenant().id, order_id)
    if record is None:
        abort(404)
    return record


def shown(record: queries.Record, refused: Refusal | None = None, status: int = 200) -> Response:
    """Return the page of an order, with what stands against the last deed."""
    org, session = current.tenant(), current.session
    events = queries.events(session, org.id, record.id)
    is_outdated = record.status == OrderStatus.PENDING and record.tax_rate != org.tax_rate
    response = render(
        "orders/show.html",
        order=record,
        items=queries.items(session, org.id, record.id),
        events=events,
        moved=queries.moved(session, org.id, record.id),
        steps=progress.steps(record, events),
        can=progress.can(record, org, current.viewer.id if current.viewer else None),
        today=queries.total(session, org.id, record.id) if is_outdated else None,
        refused=refused,
    )
    response.status_code = status
    return response


def _days(first: date | None, last: date | None) -> str:
    """Return the days of the filter in words, or nothing where it is off."""
    if first and last:
        return f"on {_day(first)}" if first == last else f"{_day(first)} to {_day(last)}"
    if first:
        return f"from {_day(first)}"
    return f"up to {_day(last)}" if last else ""


def _day(day: date) -> str:
    return str(format_date(day, "d MMM y", locale=_dates()))


def _dates() -> Locale:
    return Locale.parse(dates_tag(), sep="-")
