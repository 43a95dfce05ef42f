"""The addresses of changes of many products at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from babel.numbers import get_currency_precision
from flask import Blueprint, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp import rls
from webapp.blueprints.bulk import forms, queries
from webapp.blueprints.bulk.forms import Wanted
from webapp.models import ChangeKind, new_id
from webapp.web import access, keyset
from webapp.web.formats import number
from webapp.web.redirects import safe_next
from webapp.web.scope import current
from webapp.web.templating import render
from webapp.web.toasts import toast

bp = Blueprint("bulk", __name__, url_prefix="/o/<slug>/products/changes", template_folder="templates")

LIMITS: Final = rls.Limits(statement=60_000, lock=10_000, transaction=90_000)
TOAST_NEXT: Final = 250  # characters; toasts travel in a cookie
LONGEST_ADDRESS: Final = 3_500  # characters; gunicorn reads a line of 4,094
ORDER: Final = "made"


@bp.get("/")
@access.member()
def index() -> ResponseReturnValue:
    """List the changes of many products, the newest first."""
    token = request.args.get("before")
    try:
        before = keyset.Cursor.read(token, ORDER, keyset.moment) if token else None
    except keyset.BadCursor:
        return redirect(url_for("bulk.index"), 303)
    changes, more = queries.changes(current.session, current.tenant().id, before)
    return render(
        "bulk/index.html",
        changes=changes,
        newest=before is None,
        older=changes[-1].cursor.token(ORDER) if more else None,
        said=said,
    )


@bp.get("/new")
@access.member("member")
def new() -> ResponseReturnValue:
    """Show what a change would do before it is made."""
    if "do" not in request.args:
        return _nothing_chosen()
    wanted = _wanted(request.args)
    return _page(wanted) if wanted.selection else _nothing_chosen()


@bp.post("/")
@access.member("member")
def create() -> ResponseReturnValue:
    """Change the products, or show first what that would do; sent twice, the form changes them once."""
    wanted = _wanted(request.form)
    if not wanted.selection:
        return _nothing_chosen()
    if wanted.needs_a_look:
        return redirect(_address(wanted), 303)
    if not wanted.is_whole:
        return _page(wanted, status=422)
    org = current.tenant()
    current.session.close()  # long work holds one connection, not two
    try:
        with current.work(limits=LIMITS) as session:
            done = queries.change(session, org.id, wanted, _digits())
            if wanted.seen and done.seen != wanted.seen:
                raise _OtherThanSeen
    except queries.AlreadyMade:
        toast("That was sent twice, and done once.")
        return redirect(_back(), 303)
    except (_OtherThanSeen, queries.TooHigh):
        return _page(wanted, status=409, outdated=True)
    if not done.changed:
        toast(f"Nothing to change: {_ALREADY[wanted.kind]}")
    else:
        told = said(wanted.kind, wanted.percent, done.changed)
        toast(f"{told}.", undo=_undo(wanted.change_id))
    return redirect(_back(), 303)


@bp.get("/<uuid:change_id>")
@access.member()
def show(change_id: UUID) -> ResponseReturnValue:
    """Show what a change has done."""
    org = current.tenant()
    change = queries.get(current.session, org.id, change_id)
    if change is None:
        abort(404)
    try:
        after = UUID(request.args["after"]) if "after" in request.args else None
    except ValueError:
        return redirect(url_for("bulk.show", change_id=change_id), 303)
    kept = "kept" in request.args
    items, more = queries.items(current.session, org.id, change_id, kept=kept, after=after)
    return render(
        "bulk/show.html",
        change=change,
        items=items,
        kept=kept,
        first=after is None,
        last=items[-1].product_id if more else None,
        said=said,
    )


@bp.post("/<uuid:change_id>/undo")
@access.member("member")
def undo(change_id: UUID) -> ResponseReturnValue:
    """Give the products back what they had, save those that were changed since."""
    org = current.tenant()
    change = queries.get(current.session, org.id, change_id)
    if change is None:
        abort(404)
    back = safe_next(request.values.get("next"), url_for("bulk.show", change_id=change_id))
    current.session.close()
    try:
        with current.work(limits=LIMITS) as session:
            undone = queries.undo(session, org.id, change_id)
    except queries.CannotUndo:
        toast("That was undone already.")
        return redirect(back, 303)
    message = f"Undone for {_products(undone.restored)}." if undone.restored else "Nothing was undone."
    if undone.kept:
        which = "was" if undone.kept == 1 else "were"
        message += f" {_products(undone.kept)} {which} changed since and left alone."
        back = url_for("bulk.show", change_id=change_id, kept=1)
    toast(message)
    return redirect(back, 303)


class _OtherThanSeen(Exception):
    """Say that a change does something else than its preview said."""


_ALREADY: Final = {
    ChangeKind.ARCHIVE: "what you chose is archived already.",
    ChangeKind.RESTORE: "what you chose is on sale already.",
    ChangeKind.PRICE: "rounded, every price stays as it is.",
}


def said(kind: ChangeKind, percent: Decimal | None, count: int) -> str:
    """Tell a change in words, such as "Raised 12 prices by 5 %"."""
    if kind == ChangeKind.PRICE:
        assert percent is not None
        prices = f"{number(count)} {'price' if count == 1 else 'prices'}"
        return f"{'Raised' if percent > 0 else 'Lowered'} {prices} by {number(abs(percent))} %"
    return f"{'Archived' if kind == ChangeKind.ARCHIVE else 'Restored'} {_products(count)}"


def _products(count: int) -> str:
    return f"{number(count)} {'product' if count == 1 else 'products'}"


def _wanted(form: MultiDict[str, str]) -> Wanted:
    try:
        return forms.read(form, current.tenant().currency)
    except forms.BadRequest:
        abort(400)


def _page(wanted: Wanted, *, status: int = 200, outdated: bool = False) -> Response:
    response = render(
        "bulk/new.html",
        "bulk_change",
        wanted=wanted.again(new_id()),
        preview=queries.preview(current.session, current.tenant().id, wanted, _digits()),
        outdated=outdated,
        here=_address(wanted),
        back=_back(),
    )
    response.status_code = status
    return response


def _address(wanted: Wanted) -> str:
    """Return the address of the page of a change; the way back from it is left out where it is too long."""
    address = f"{url_for('bulk.new')}?{urlencode(wanted.args())}"
    back = "&" + urlencode({"next": _back()})
    return address + back if len(address + back) < LONGEST_ADDRESS else address


def _nothing_chosen() -> ResponseReturnValue:
    toast("Choose products first: tick the box before each.")
    return redirect(_back(), 303)


def _back() -> str:
    return safe_next(request.values.get("next"), url_for("products.index"))


def _undo(change_id: UUID) -> str:
    back = _back()
    after: dict[str, Any] = {"next": back} if len(back) <= TOAST_NEXT else {}
    return url_for("bulk.undo", change_id=change_id, **after)


def _digits() -> int:
    return min(get_currency_precision(current.tenant().currency), 2)
