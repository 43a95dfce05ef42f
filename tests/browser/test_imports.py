"""Importing products in the browser: with scripts and without, dropped and chosen, and every page of it looked at."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.checks import faults_everywhere
from tests.browser.conftest import Enter
from tests.browser.houses import build
from tests.factories import Factories
from tests.fixtures.database import Database

GOOD = "SKU;Name;Price;Stock\nIMP-1;Rip saw;12,80;3\nIMP-2;Jack plane;1.234,50;0\nSKU-001;Claw hammer, renamed;9;1\n"
BAD = GOOD + "IMP-3;Chisel;x;1\nIMP-4;;1;1\n"
# Puts a file on the form as a drop does; Playwright has no hand to drag one with.
_DROP = """
(text) => {
  const data = new DataTransfer();
  data.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
  const at = document.querySelector(".drop");
  for (const kind of ["dragenter", "dragover", "drop"])
    at.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
}
"""


def payload(text: str | bytes, name: str = "products.csv") -> FilePayload:
    body = text.encode() if isinstance(text, str) else text
    return {"name": name, "mimeType": "text/csv", "buffer": body}


def figures(page: Page) -> list[str]:
    return page.locator(".figure").all_inner_texts()


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_a_member_imports_a_file(factories: Factories, enter: Enter, javascript: bool) -> None:
    house = build(factories, "Claw hammer")
    page = enter(house.member, javascript=javascript).go(f"{house.products}import")
    page.get_by_label("CSV file").set_input_files(payload(BAD))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("SKU")).to_have_value("0")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="Bad lines")).to_be_visible()
    assert figures(page) == ["2", "1", "0", "2"]
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Import 3 lines").click()
    expect(page.get_by_role("heading", name="Left out")).to_be_visible()
    assert figures(page) == ["2", "1", "0", "2"]
    page.get_by_role("link", name="To the products").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert {"Rip saw", "Claw hammer, renamed"} < set(page.locator("tbody .name").all_inner_texts())


def test_a_file_is_dropped_on_the_page(factories: Factories, enter: Enter) -> None:
    house = build(factories, "Claw hammer")
    page = enter(house.member).go(f"{house.products}import")
    page.evaluate(_DROP, GOOD)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of dropped.csv")


def test_a_file_that_is_too_large_is_not_sent(factories: Factories, enter: Enter) -> None:
    house = build(factories)
    page = enter(house.member).go(f"{house.products}import")
    page.eval_on_selector("[data-upload]", "form => { form.dataset.upload = 100 }")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_label("CSV file").set_input_files(payload("x" * 200))
    expect(page.get_by_role("alert")).to_contain_text("can be imported")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_timeout(100)
    assert "POST" not in sent
    page.get_by_label("CSV file").set_input_files(payload(GOOD[:90]))
    expect(page.get_by_role("alert")).to_be_hidden()


def test_what_is_wrong_with_a_file_is_said_and_the_next_one_is_taken(factories: Factories, enter: Enter) -> None:
    house = build(factories, "Claw hammer")
    visitor = enter(house.member)
    page = visitor.go(f"{house.products}import")
    page.get_by_label("CSV file").set_input_files(payload(b"PK\x03\x04[Content_Types].xml"))
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".field .error")).to_contain_text("This is an Excel workbook")
    expect(page.get_by_label("CSV file")).to_be_focused()
    page.get_by_label("CSV file").set_input_files(payload(GOOD))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("button", name="Check the file")).to_be_visible()
    visitor.complaints.clear()  # the console says of each 422 that it is one


def test_the_progress_moves_and_leads_on_by_itself(factories: Factories, database: Database, enter: Enter) -> None:
    house = build(factories, "Claw hammer")
    upload = factories.upload(house.org, house.member, "SKU,Name,Price\nA-1,Saw,1\n")
    at_work = (
        "update public.product_imports set status = %s, run = gen_random_uuid(), lines = 1000, progress = %s,"
        " heartbeat = now() where id = %s"
    )
    database.sql(at_work, ("checking", 250, upload))
    page = enter(house.member).go(f"{house.products}import/{upload}")
    expect(page.get_by_role("status").first).to_have_text("Checked 250 of about 1,000 lines")
    database.sql(at_work, ("checking", 750, upload))
    expect(page.get_by_role("status").first).to_have_text("Checked 750 of about 1,000 lines")
    database.sql("update public.product_imports set status = 'checked' where id = %s", (upload,))
    expect(page.locator(".figure").first).to_be_visible()


def test_every_page_of_an_import_is_open_to_all(
    factories: Factories, database: Database, enter: Enter, at_length: bool
) -> None:
    house = build(factories, "Claw hammer")
    page = enter(house.member).go(f"{house.products}import")
    faults = list(faults_everywhere(page, at_length=at_length))
    page.get_by_label("CSV file").set_input_files(payload(BAD, name="a very long name of a file " * 6 + ".csv"))
    page.get_by_role("button", name="Upload").click()
    page.wait_for_selector("#import-work")
    faults += faults_everywhere(page, at_length=at_length)
    page.get_by_role("button", name="Check the file").click()
    page.wait_for_selector(".figure")
    faults += faults_everywhere(page, at_length=at_length)
    database.sql("update public.product_imports set status = 'applying', heartbeat = now(), progress = 2")
    page.reload()
    page.wait_for_selector("progress")
    faults += faults_everywhere(page, at_length=at_length)
    database.sql("update public.product_imports set status = 'checked'")
    page.wait_for_selector(".figure")
    page.get_by_role("button", name="Import 3 lines").click()
    page.get_by_role("heading", name="Left out").wait_for()
    faults += faults_everywhere(page, at_length=at_length)
    assert faults == []
