"""The dashboard's one address."""

from __future__ import annotations

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from webapp.blueprints.dashboard import chart, months, queries
from webapp.models import LOW_STOCK
from webapp.models.sales_reading import LOW_STOCK_COUNTED, PERIODS
from webapp.web import access
from webapp.web.scope import current
from webapp.web.templating import render

bp = Blueprint("dashboard", __name__, url_prefix="/o/<slug>", template_folder="templates")

USUAL = 30  # days; also as many as the small lines beside the figures show
BEST = 5  # products
LISTED = 5  # products low on stock
RECENT = 6  # entries


@bp.get("/")
@access.member()
def index() -> ResponseReturnValue:
    """Show how the organisation is doing."""
    org, session = current.tenant(), current.session
    stats = queries.stats(session, org.id)
    if stats is None:  # they were taken out of it a moment ago
        abort(404)
    asked = request.args.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else USUAL
    # The usual span holds the shortest one and the one before that, so there is one question for both.
    sales = queries.sales(session, org.id, max(days, USUAL))
    best = queries.best_products(session, org.id, stats.today, BEST)
    return render(
        "dashboard/index.html",
        "sales_chart",
        stats=stats,
        figures=months.figures(stats),
        sparks=chart.sparks(sales[-USUAL:]),
        periods=PERIODS,
        days=days,
        chart=chart.draw(chart.shortened(sales, days), org.currency),
        best=best,
        best_month=months.name(best.month),
        low=queries.low_on_stock(session, org.id, LISTED),
        low_stock=LOW_STOCK,
        low_counted=LOW_STOCK_COUNTED,
        orders=() if org.can_admin else queries.latest_orders(session, org.id, RECENT),
        recent=RECENT,
    )
