"""The catalogue's addresses."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from babel.numbers import get_currency_symbol
from flask import Blueprint, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp.blueprints.products import export as exports
from webapp.blueprints.products import listing as listings
from webapp.blueprints.products import queries
from webapp.blueprints.products.forms import ProductForm, differences
from webapp.models import LOW_STOCK, new_id
from webapp.web import access
from webapp.web.formats import figures_locale
from webapp.web.keyset import BadCursor
from webapp.web.redirects import safe_next
from webapp.web.scope import current
from webapp.web.streaming import stream_csv
from webapp.web.templating import render
from webapp.web.toasts import toast
from webapp.web.typed import printable

bp = Blueprint("products", __name__, url_prefix="/o/<slug>/products", template_folder="templates")

TOAST_NAME = 60  # characters; toasts travel in a cookie
TOAST_NEXT = 250


@bp.get("/")
@access.member()
def index() -> ResponseReturnValue:
    """List the products."""
    org = current.tenant()
    try:
        listing, errors = listings.read(request.args, org.currency)
    except BadCursor:
        toast("That page of the list can't be found any more. This is the first one.")
        # By name: url_for() has arguments of its own, which no visitor may give.
        kept: dict[str, Any] = {
            name: request.args[name] for name in ("show", "q", "min", "max", "sort") if name in request.args
        }
        return redirect(url_for("products.index", **kept), 303)
    return render(
        "products/index.html",
        "product_list",
        listing=listing,
        errors=errors,
        typed={name: printable(request.args.get(name)) for name in ("min", "max")},
        page=queries.page(current.session, org.id, listing),
        counts=queries.counts(current.session, org.id, listing),
        symbol=_symbol(org.currency),
        low_stock=LOW_STOCK,
        here=url_for("products.index", **listing.args()),
        key=new_id(),
    )


@bp.get("/export.csv")
@access.member()
def export() -> ResponseReturnValue:
    """Send the products that the list finds as a file, all of them."""
    org = current.tenant()
    args = {name: request.args[name] for name in ("show", "q", "min", "max", "sort") if name in request.args}
    listing, _ = listings.read(args, org.currency)
    return stream_csv(exports.rows(org.id, org.currency, listing), "products")


@bp.get("/new")
@access.member("member")
def new() -> ResponseReturnValue:
    """Show the form for another product."""
    form = ProductForm(current.tenant().currency, id=str(new_id()), is_active=True, stock="0")
    return _form("products/new.html", form)


@bp.post("/")
@access.member("member")
def create() -> ResponseReturnValue:
    """Make a product; sent twice, the form makes one."""
    org = current.tenant()
    form = ProductForm(org.currency, request.form)
    product_id = form.product_id
    valid = form.validate()
    if product_id is None:
        form.id.data = str(new_id())
        form.refuse("This form was damaged on its way. Check it and save it again.")
    elif valid:
        try:
            queries.create(current.session, org.id, product_id, form.values)
        except queries.AlreadyMade as made:
            if made.record.values == form.values:
                return redirect(url_for("products.show", product_id=product_id), 303)
            form.id.data = str(new_id())
            form.refuse(
                Markup(
                    'This form has made <a href="{}">{}</a> already. To make another one, check it and save again.'
                ).format(url_for("products.show", product_id=product_id), made.record.values.name)
            )
        except queries.SkuTaken as taken:
            _refuse_sku(form, taken.other)
        else:
            toast(f"Added {_short(form.values.name)}.")
            return redirect(url_for("products.show", product_id=product_id), 303)
    if not valid:
        _refuse_taken_sku(form, product_id)
    return _form("products/new.html", form, status=422)


@bp.get("/<uuid:product_id>")
@access.member()
def show(product_id: UUID) -> ResponseReturnValue:
    """Show one product."""
    return render("products/show.html", product=_load(product_id))


@bp.get("/<uuid:product_id>/edit")
@access.member("member")
def edit(product_id: UUID) -> ResponseReturnValue:
    """Show the form for changing a product."""
    record = _load(product_id)
    return _form("products/edit.html", ProductForm.of(record, current.tenant().currency), record)


@bp.post("/<uuid:product_id>")
@access.member("member")
def update(product_id: UUID) -> ResponseReturnValue:
    """Change a product, unless someone else has since the form was opened and the two disagree."""
    org = current.tenant()
    record = _load(product_id, lock=True)
    form = ProductForm(org.currency, request.form)
    if not form.validate():
        _refuse_taken_sku(form, product_id)
        return _form("products/edit.html", form, record, status=422)
    differing = differences(form.values, record.values)
    if differing and form.seen.data != record.seen:
        # What is saved now has been seen once this page is; saving again overwrites it and nothing newer.
        form.seen.data = record.seen
        return _form("products/edit.html", form, record, status=409, differing=differing)
    if differing:
        try:
            queries.change(current.session, org.id, product_id, form.values)
        except queries.SkuTaken as taken:
            _refuse_sku(form, taken.other)
            return _form("products/edit.html", form, record, status=422)
    toast(f"Saved {_short(form.values.name)}." if differing else "Nothing was changed.")
    return redirect(url_for("products.show", product_id=product_id), 303)


@bp.post("/<uuid:product_id>/archive")
@access.member("member")
def archive(product_id: UUID) -> ResponseReturnValue:
    """Take a product off sale; it stays, and can be restored."""
    return _set_active(product_id, False)


@bp.post("/<uuid:product_id>/restore")
@access.member("member")
def restore(product_id: UUID) -> ResponseReturnValue:
    """Put an archived product on sale again."""
    return _set_active(product_id, True)


def _set_active(product_id: UUID, is_active: bool) -> ResponseReturnValue:
    record = _load(product_id, lock=True)
    back = safe_next(request.values.get("next"), url_for("products.show", product_id=product_id))
    name = _short(record.values.name)
    if record.values.is_active == is_active:
        toast(f"{name} is on sale already." if is_active else f"{name} is archived already.")
        return redirect(back, 303)
    queries.set_active(current.session, current.tenant().id, product_id, is_active)
    opposite = "products.archive" if is_active else "products.restore"
    after_undo: dict[str, Any] = {"next": back} if len(back) <= TOAST_NEXT else {}
    toast(
        f"Restored {name}." if is_active else f"Archived {name}.",
        undo=url_for(opposite, product_id=product_id, **after_undo),
    )
    return redirect(back, 303)


def _load(product_id: UUID, *, lock: bool = False) -> queries.Record:
    """Return a product of this organisation, or answer 404: another organisation's is as absent as none."""
    record = queries.get(current.session, current.tenant().id, product_id, lock=lock)
    if record is None:
        abort(404)
    return record


def _form(
    template: str,
    form: ProductForm,
    record: queries.Record | None = None,
    *,
    status: int = 200,
    differing: tuple[str, ...] = (),
) -> Response:
    symbol = _symbol(current.tenant().currency)
    mine = form.values if differing else None
    response = render(template, form=form, product=record, differing=differing, mine=mine, symbol=symbol)
    response.status_code = status
    return response


def _refuse_taken_sku(form: ProductForm, product_id: UUID | None) -> None:
    """Say of a form with other faults that its SKU is taken too, so that one look mends them all."""
    if not form.sku.errors:
        other = queries.holder(current.session, current.tenant().id, form.sku.data or "")
        if other is not None and other.id != product_id:
            _refuse_sku(form, other)


def _refuse_sku(form: ProductForm, other: queries.Holder | None) -> None:
    if other is None:
        form.refuse("Another product had this SKU a moment ago. Save again.", form.sku)
        return
    form.refuse(
        Markup('{} belongs to {}. Choose another, or <a href="{}">open that product</a>.').format(
            form.sku.data, other.name, url_for("products.show", product_id=other.id)
        ),
        form.sku,
    )


def _symbol(currency: str) -> str:
    return str(get_currency_symbol(currency, figures_locale()))


def _short(name: str) -> str:
    return name if len(name) <= TOAST_NAME else name[: TOAST_NAME - 1].rstrip() + "…"
