"""The addresses where an order is composed: a new one, and one that is changed while it is pending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from flask import Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp.blueprints.orders import lines, offers, progress, queries
from webapp.blueprints.orders.forms import OrderForm, searched
from webapp.blueprints.orders.lines import Draft, Priced, Saved, Sums, Wanted, Ware
from webapp.blueprints.orders.routes import NOT_YOURS, Refusal, bp, latest, load, shown
from webapp.models import OrderStatus, new_id
from webapp.rls.errors import Refused
from webapp.web import access
from webapp.web.scope import current
from webapp.web.templating import render
from webapp.web.toasts import toast

GONE = (
    "A product of this form is not in the catalogue any more. Its line was taken out; look at the rest and send again."
)
DAMAGED = "This form was damaged on its way. Check it and send it again."
NOTHING = "Add what is ordered first: search for a product below."
LEFT_OVER = "“{}” stands in the search, and in no line. Add it or clear it, then send again."
HOW_MANY = "After the star stands how many to add: a whole number from 1 to 1,000,000."
TOO_MUCH = "The order comes to more than can be written down. Order less, or in several orders."
REFUSED = {
    "order_items_product": "A product went off sale at this moment. Look at the lines and send again.",
    "order_items_quantity": "A quantity can't be ordered. Look at the lines and send again.",
    "orders_total": TOO_MUCH,
}


@bp.get("/new")
@access.member("member")
def new() -> ResponseReturnValue:
    """Show the form for another order; ``?again=`` names one to begin with the same of."""
    form, draft = OrderForm(request_key=str(uuid4())), Draft()
    if request.args.get("again"):
        record = _named(request.args["again"])
        draft = Draft.of(queries.items(current.session, current.tenant().id, record.id))
        form.customer.data, form.deliver_to.data = record.words.customer, record.words.deliver_to
    return _desk(form, draft)


@bp.post("/compose")
@access.member("member")
def compose() -> ResponseReturnValue:
    """Add, change or remove lines of the form that was sent, or search for products; nothing is written."""
    form, draft = OrderForm(request.form), Draft.read(request.form)
    record = load(form.order_id) if form.order_id else None
    verb, _, named = request.form.get("do", "").partition(":")
    query, said, added = searched(request.form.get("q")), "", None
    found: Sequence[Ware] | None = None
    customers: Sequence[offers.Customer] = ()
    wanted, pieces = lines.asked(query)
    if pieces is None and verb in ("add", "enter", "find"):
        said, found = HOW_MANY, ()
    elif verb == "add":
        added = _ware(named)
        said = "" if added else "That product is not on sale any more."
    elif verb == "enter" and wanted:
        added, found = _meant(wanted)
    elif verb == "find":
        found = offers.find(current.session, current.tenant().id, wanted)
    elif verb == "customer":
        customers = offers.customers(current.session, current.tenant().id, form.customer.data or "")
    elif verb in ("more", "less", "remove"):
        draft, said = _moved(draft, verb, named)
    if added is not None and pieces is not None:
        before, draft, query = draft, draft.add(added, pieces), ""
        is_full = draft == before
        said = f"An order has {lines.MOST_LINES} lines at most." if is_full else f"Added {pieces} × {added.name}."
    return _desk(
        form, draft, record, query=query, found=found, customers=customers, said=said, added=added.id if added else None
    )


@bp.post("/")
@access.member("member")
def create() -> ResponseReturnValue:
    """Place an order; sent twice, the form places one."""
    org, session = current.tenant(), current.session
    form, draft = OrderForm(request.form), Draft.read(request.form)
    key = form.key
    if key is None:
        form.request_key.data = str(uuid4())
        form.refuse(DAMAGED)
        return _desk(form, draft, status=422)
    draft, is_valid = _checked(form, draft)
    if not is_valid:
        return _desk(form, draft, query=searched(request.form.get("q")), status=422)
    order_id = new_id()
    try:
        queries.place(session, org.id, order_id, key, form.words, _wanted(draft))
    except queries.AlreadyPlaced as placed:
        return _placed_already(form, draft, placed.record)
    except queries.PricesChanged:
        return _desk(form, draft, prices_changed=True, status=409)
    except Refused as refused:
        _refuse(form, refused)
        return _desk(form, draft, status=422)
    toast(f"Placed order {load(order_id).number}.")
    return redirect(url_for("orders.show", order_id=order_id), 303)


@bp.get("/<uuid:order_id>/edit")
@access.member("member")
def edit(order_id: UUID) -> ResponseReturnValue:
    """Show the form for changing an order that is pending."""
    record = load(order_id)
    if not progress.can(record, current.tenant(), _me()).edit:
        if record.status == OrderStatus.PENDING:
            abort(403, description=NOT_YOURS)
        toast(f"Order {record.number} is not pending any more, so it can't be changed.")
        return redirect(url_for("orders.show", order_id=order_id), 303)
    saved = queries.items(current.session, current.tenant().id, order_id)
    return _desk(OrderForm(order=str(order_id), seen=record.seen, data=record.words._asdict()), Draft.of(saved), record)


@bp.post("/<uuid:order_id>")
@access.member("member")
def update(order_id: UUID) -> ResponseReturnValue:
    """Change an order, unless it moved on, or someone changed it since the form was opened and the two disagree."""
    org, session = current.tenant(), current.session
    form, draft = OrderForm(request.form), Draft.read(request.form)
    form.order.data = str(order_id)
    is_mine = queries.lock(session, org.id, order_id)
    record = load(order_id)
    if record.status != OrderStatus.PENDING:
        return _too_late(form, draft, record)
    if not is_mine:
        abort(403, description=NOT_YOURS)
    saved = queries.items(session, org.id, order_id)
    draft, is_valid = _checked(form, draft, saved)
    if not is_valid:
        return _desk(form, draft, record, query=searched(request.form.get("q")), status=422)
    differing = [name for name in queries.Words._fields if getattr(form.words, name) != getattr(record.words, name)]
    same_items = draft.says(saved)
    differing += [] if same_items else ["items"]
    if differing and form.seen.data != record.seen:
        # What is saved now has been seen once this page is; saving again overwrites it and nothing newer.
        form.seen.data = record.seen
        return _desk(form, draft, record, differing=differing, status=409)
    if differing:
        try:
            queries.change(session, org.id, order_id, form.words, None if same_items else _wanted(draft))
        except queries.PricesChanged:
            return _desk(form, draft, record, prices_changed=True, status=409)
        except Refused as refused:
            _refuse(form, refused)
            return _desk(form, draft, record, status=422)
    toast(f"Saved order {record.number}." if differing else "Nothing was changed.")
    return redirect(url_for("orders.show", order_id=order_id), 303)


def _desk(
    form: OrderForm,
    draft: Draft,
    record: queries.Record | None = None,
    *,
    query: str = "",
    found: Sequence[Ware] | None = None,
    customers: Sequence[offers.Customer] = (),
    said: str = "",
    added: UUID | None = None,
    differing: Sequence[str] = (),
    prices_changed: bool = False,
    status: int = 200,
) -> Response:
    """Return the page on which an order is composed, or the part of it that was asked for."""
    org, session = current.tenant(), current.session
    saved = queries.items(session, org.id, record.id) if record else ()
    priced = lines.price(draft, offers.wares(session, org.id, draft.ids), saved)
    response = render(
        "orders/compose.html",
        ("order_found", "order_lines", "order_customers"),
        form=form,
        order=record,
        saved=saved,
        draft=draft,
        lines=priced,
        sums=_sums(priced, record if record and draft.says(saved) else None),
        query=query,
        found=found,
        customers=customers,
        most_found=offers.FOUND,
        said=said,
        added=added,
        differing=differing,
        prices_changed=prices_changed,
        starts_at_search=status == 200 and record is None,
    )
    response.status_code = status
    return response


def _sums(priced: Sequence[Priced], record: queries.Record | None) -> Sums:
    """Return what lines come to with today's tax, or with that of the order whose they are."""
    org = current.tenant()
    items, subtotal = sum(line.quantity or 0 for line in priced), lines.subtotal(priced)
    if record is not None:
        return Sums(items, subtotal, record.tax_rate, record.tax)
    tax = queries.tax(current.session, subtotal, org.tax_rate, org.currency)
    return Sums(items, subtotal, org.tax_rate, tax)


def _checked(form: OrderForm, draft: Draft, saved: Sequence[Saved] = ()) -> tuple[Draft, bool]:
    """Say in the form all that is wrong with it and its lines; return the draft without what is no product."""
    org = current.tenant()
    priced = lines.price(draft, offers.wares(current.session, org.id, draft.ids), saved)
    known = [line.ware.id for line in priced]
    whole = draft._replace(lines=tuple(line for line in draft.lines if line.product_id in known))
    is_valid = form.validate()
    complaints: list[Any] = [DAMAGED] if draft.is_damaged else []
    complaints += [GONE] if len(whole.lines) < len(draft.lines) else []
    complaints += [] if priced else [NOTHING]
    query = searched(request.form.get("q"))
    complaints += [LEFT_OVER.format(query)] if query else []
    complaints += [_at_line(line) for line in priced if line.error]
    complaints += [TOO_MUCH] if lines.subtotal(priced) >= lines.TOO_MUCH else []
    for complaint in complaints:
        form.refuse(complaint)
    return whole, is_valid and not complaints


def _at_line(line: Priced) -> Markup:
    return Markup('<a href="#quantity-{}">{}</a>: {}').format(line.ware.id, line.ware.name, line.error)


def _refuse(form: OrderForm, refused: Refused) -> None:
    """Say in the form why its lines were refused; raise what is no matter of lines."""
    if refused.constraint not in REFUSED:
        raise refused
    form.refuse(REFUSED[refused.constraint])


def _placed_already(form: OrderForm, draft: Draft, record: queries.Record) -> ResponseReturnValue:
    there = url_for("orders.show", order_id=record.id)
    items = queries.items(current.session, current.tenant().id, record.id)
    if record.words == form.words and draft.says(items):
        return redirect(there, 303)
    form.request_key.data = str(uuid4())
    form.refuse(
        Markup(
            'This form has placed <a href="{}">order {}</a> already, with other content. '
            "To place another one, check it and send again."
        ).format(there, record.number)
    )
    return _desk(form, draft, status=422)


def _too_late(form: OrderForm, draft: Draft, record: queries.Record) -> ResponseReturnValue:
    """Show the order that moved on while somebody was changing it, with what they had written."""
    wares = offers.wares(current.session, current.tenant().id, draft.ids)
    items = ", ".join(
        f"{line.quantity} × {wares[line.product_id].name}" for line in draft.lines if line.product_id in wares
    )
    texts = [(form[name].label.text, form[name].data or "") for name in queries.Words._fields]
    written = tuple((label, text) for label, text in (("Items", items), *texts) if text)
    refusal = Refusal(
        "Your changes were not saved: only a pending order can be changed.", event=latest(record), written=written
    )
    return shown(record, refusal, 409)


def _meant(typed: str) -> tuple[Ware | None, Sequence[Ware] | None]:
    """Return the product that a text means without doubt, or those that it could mean."""
    org_id = current.tenant().id
    exact = offers.by_sku(current.session, org_id, typed)
    found = (exact,) if exact else offers.find(current.session, org_id, typed)
    return (found[0], None) if len(found) == 1 else (None, found)


def _moved(draft: Draft, verb: str, named: str) -> tuple[Draft, str]:
    try:
        product_id = UUID(named)
    except ValueError:
        return draft, ""
    if verb == "remove":
        return draft.without(product_id), "Removed."
    moved = draft.step(product_id, 1 if verb == "more" else -1)
    return moved, moved.quantity(product_id)


def _ware(named: str) -> Ware | None:
    """Return the product on sale that a button names."""
    try:
        product_id = UUID(named)
    except ValueError:
        return None
    ware = offers.wares(current.session, current.tenant().id, [product_id]).get(product_id)
    return ware if ware and ware.is_active else None


def _wanted(draft: Draft) -> list[Wanted]:
    return [Wanted(line.product_id, line.pieces, line.seen_price) for line in draft.lines]


def _named(text: str) -> queries.Record:
    try:
        return load(UUID(text))
    except ValueError:
        abort(404)


def _me() -> UUID | None:
    return current.viewer.id if current.viewer else None
