"""Every page, dialog and menu, each with who sees it and how they get there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from playwright.sync_api import Page

from tests.browser.conftest import DOORS
from tests.browser.houses import House
from tests.factories import Factories, Person
from tests.fixtures.browser import Visitor
from tests.fixtures.cluster import Bouncer
from tests.fixtures.database import Database
from tests.fixtures.world import World


@dataclass(frozen=True)
class Stage:
    """What there is to be seen."""

    world: World
    full: House
    """Has 51 products: one page and one more."""
    small: House
    """Has a product that may be changed."""
    empty: House
    bouncer: Bouncer
    factories: Factories
    database: Database


Who: TypeAlias = Callable[[Stage], Person | None]
Way: TypeAlias = Callable[[Visitor, Stage], None]


@dataclass(frozen=True)
class Sight:
    """One page in one state.

    ``status`` is that of its answer; ``shows`` selects what must be there. ``is_layer`` says that this alone is to be
    looked at, because the page below it is a sight of its own. ``doors``: on the server with the demonstration.
    ``is_like`` names another sight whose kind it is of: the two are drawn by the same parts, and the long suite alone
    looks at both.
    """

    name: str
    who: Who
    way: Way
    shows: str
    status: int = 200
    is_layer: bool = False
    doors: bool = False
    is_like: str = ""


def nobody(stage: Stage) -> None:
    return None


def member(stage: Stage) -> Person:
    return stage.world.acme.member


def viewer(stage: Stage) -> Person:
    return stage.world.acme.viewer


def newcomer(stage: Stage) -> Person:
    return stage.world.stranger


def to(path: str) -> Way:
    """Go to a path."""

    def way(visitor: Visitor, stage: Stage) -> None:
        visitor.go(path)

    return way


def then(path: str, *acts: Callable[[Page], object]) -> Way:
    """Go to a path and act on the page."""

    def way(visitor: Visitor, stage: Stage) -> None:
        page = visitor.go(path)
        for act in acts:
            act(page)

    return way


def click(selector: str) -> Callable[[Page], None]:
    return lambda page: page.click(selector)


def press(key: str) -> Callable[[Page], None]:
    return lambda page: page.keyboard.press(key)


def damage(selector: str) -> Callable[[Page], None]:
    """Take the CSRF token out of a form and send it."""
    return lambda page: page.eval_on_selector(
        selector, "form => { form.querySelector('[name=csrf_token]').remove(); form.submit() }"
    )


def _full(visitor: Visitor, stage: Stage) -> None:
    visitor.go(stage.full.products)


def _empty(visitor: Visitor, stage: Stage) -> None:
    visitor.go(stage.empty.products)


def _product(end: str = "", place: int = 1) -> Way:
    def way(visitor: Visitor, stage: Stage) -> None:
        visitor.go(f"{ACME}{stage.world.acme.products[place].id}{end}")

    return way


def _foreign(visitor: Visitor, stage: Stage) -> None:
    visitor.go(f"{ACME}{stage.world.globex.products[0].id}")


def _conflict(visitor: Visitor, stage: Stage) -> None:
    product = stage.factories.product(stage.small.org, "A product that two people change")
    page = visitor.go(f"{stage.small.products}{product.id}/edit")
    stage.database.sql("update public.products set name = 'What the other one wrote' where id = %s", (product.id,))
    page.fill("[name=name]", "What this one wrote")
    page.click(SAVE)
    page.wait_for_selector("#conflict")


def _toast(visitor: Visitor, stage: Stage) -> None:
    page = visitor.go(stage.small.products)
    page.click("tbody tr >> nth=0 >> button")
    page.wait_for_selector(".toast form")


def _unreachable(visitor: Visitor, stage: Stage) -> None:
    page = visitor.go("/")
    stage.bouncer.console(f"DISABLE {DOORS}")
    try:
        page.click(".door .btn-primary")
        page.wait_for_selector(".art")
    finally:
        stage.bouncer.console(f"ENABLE {DOORS}")


ACME = "/o/acme/products/"
SAVE = ".save .btn-primary"
SIGHTS = (
    Sight("landing", nobody, to("/"), ".hero", is_like="landing with the demonstration"),
    Sight("landing with the demonstration", nobody, to("/"), ".door", doors=True),
    Sight("landing, signed in", member, to("/"), ".hero", is_like="landing with the demonstration"),
    Sight("sign in", nobody, to("/signin"), "[name=password]"),
    Sight("sign in, wrong", nobody, then("/signin", click("form .btn-primary")), "#errors", 422),
    Sight("sign up", nobody, to("/signup"), "[name=password]", is_like="sign in"),
    Sight(
        "sign up, wrong", nobody, then("/signup", click("form .btn-primary")), "#errors", 422, is_like="sign in, wrong"
    ),
    Sight(
        "theme menu, before sign in",
        nobody,
        then("/", click("[popovertarget=theme]")),
        "#theme:popover-open",
        is_layer=True,
        is_like="theme menu",
    ),
    Sight("organisations", member, to("/o"), ".table"),
    Sight("no organisation yet", newcomer, to("/o"), ".empty"),
    Sight("new organisation", member, to("/o/new"), SAVE, is_like="new product"),
    Sight("new organisation, wrong", member, then("/o/new", click(SAVE)), "#errors", 422, is_like="new product, wrong"),
    Sight("products", member, to(ACME), ".table"),
    Sight("products, one page of two", lambda stage: stage.full.member, _full, ".pager", is_layer=True),
    Sight("products, for a viewer", viewer, to(ACME), ".table", is_like="products"),
    Sight("products, none yet", lambda stage: stage.empty.member, _empty, ".empty .btn-primary"),
    Sight(
        "products, none yet, for a viewer",
        lambda stage: stage.empty.viewer,
        _empty,
        ".empty",
        is_like="products, none yet",
    ),
    Sight("products, nothing found", member, to(f"{ACME}?q=zzzz"), ".empty", is_like="products, none yet"),
    Sight("products, archived", member, to(f"{ACME}?show=archived"), ".pill-off", is_like="products"),
    Sight("products, low on stock", member, to(f"{ACME}?show=low"), ".pill-warn", is_like="products"),
    Sight(
        "products, filtered",
        member,
        to(f"{ACME}?min=1&max=50&sort=-price"),
        ".chip.is-on",
        is_like="products, a filter that is wrong",
    ),
    Sight("products, a filter that is wrong", member, to(f"{ACME}?min=abc"), ".note-bad"),
    Sight("toast", lambda stage: stage.small.member, _toast, "#toasts", is_layer=True),
    Sight(
        "price dialog",
        member,
        then(ACME, click("[popovertarget=price-filter]")),
        "#price-filter:popover-open",
        is_layer=True,
    ),
    Sight("product", member, _product(), ".walls"),
    Sight("product, archived", member, _product(place=2), ".note"),
    Sight("product, for a viewer", viewer, _product(), ".walls", is_like="product"),
    Sight("new product", member, to(f"{ACME}new"), SAVE),
    Sight("new product, wrong", member, then(f"{ACME}new", click(SAVE)), "#errors", 422),
    Sight("edit", member, _product("/edit"), SAVE),
    Sight("edit, conflict", lambda stage: stage.small.member, _conflict, "#conflict", 409),
    Sight("keys dialog", member, then(ACME, press("?")), "#keys:popover-open", is_layer=True),
    Sight(
        "organisation switcher",
        member,
        then(ACME, click("[popovertarget=switch]")),
        "#switch:popover-open",
        is_layer=True,
    ),
    Sight(
        "account menu",
        member,
        then(ACME, click("[popovertarget=account]")),
        "#account:popover-open",
        is_layer=True,
        is_like="organisation switcher",
    ),
    Sight("theme menu", member, then(ACME, click("[popovertarget=theme]")), "#theme:popover-open", is_layer=True),
    Sight("400", member, then("/o/new", damage("main form")), ".art", 400, is_like="404"),
    Sight("403", viewer, to(f"{ACME}new"), ".art", 403),
    Sight("404", member, _foreign, ".art", 404),
    Sight("404, before sign in", nobody, to("/nothing"), ".art", 404, is_like="503"),
    Sight("405", member, to("/signout"), ".art", 405, is_like="404"),
    Sight("503", nobody, _unreachable, ".art", 503, doors=True),
)
