"""How far an order is, and what somebody may do with it next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from webapp.blueprints.orders.queries import Event, Record
from webapp.models import OrderStatus
from webapp.web.context import OrgContext

WAY: Final = (OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
NEXT: Final = dict(itertools.pairwise(WAY))


class Step(NamedTuple):
    """Hold a stage of an order: when it was reached, if it was."""

    name: str
    at: datetime | None
    is_done: bool
    is_now: bool


class Can(NamedTuple):
    """Say what the viewer may do with an order; ``next`` is the status that they may move it on to."""

    edit: bool
    cancel: bool
    next: OrderStatus | None


def can(record: Record, org: OrgContext, viewer_id: UUID | None) -> Can:
    """Return what to offer; the database decides all the same."""
    is_pending = record.status == OrderStatus.PENDING
    owns = org.can_admin or (org.can_write and is_pending and record.placed_by == viewer_id)
    return Can(
        edit=owns and is_pending,
        cancel=owns and record.status in (OrderStatus.PENDING, OrderStatus.PROCESSING),
        next=NEXT.get(record.status) if owns else None,
    )


def steps(record: Record, events: Sequence[Event]) -> tuple[Step, ...]:
    """Return the stages of an order: all of them, or those before it was cancelled."""
    reached = {event.event: event.at for event in events}
    at = {status: reached.get(status.value) for status in OrderStatus} | {OrderStatus.PENDING: record.placed_at}
    if record.status == OrderStatus.CANCELLED:
        before = [status for status in WAY if at[status] is not None]
        done = [Step(status.value.capitalize(), at[status], True, False) for status in before]
        return (*done, Step("Cancelled", at[OrderStatus.CANCELLED], False, True))
    place = WAY.index(record.status)
    return tuple(
        Step(status.value.capitalize(), at[status] if number <= place else None, number < place, number == place)
        for number, status in enumerate(WAY)
    )
