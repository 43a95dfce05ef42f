"""The package as text: where a commit may stand, who reads the environment, who imports what, how long a file is."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "webapp"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

ENDS = re.compile(r"\b(?:commit|rollback)\(")
# Where a transaction may be ended, and why there.
MAY_END = {
    "web/scope.py": "the request's one commit",
    "rls/connection.py": "the driver's own methods, overridden",
    "rls/engine.py": "the dialect, below every commit",
    "inspector/desk.py": "looks and trials, which keep nothing",
    "schema/session.py": "migrations, on the direct connection",
    "schema/trial.py": "a trial that is always taken back",
}
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv"})
# Who reads the environment, or hands it on.
MAY_READ_ENVIRONMENT = {
    "settings.py": "the settings themselves (pydantic-settings reads for it)",
    "ops/serve.py": "hands it on to the workers, and finds PGBIN",
}
NO_NAMES = frozenset({"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"})
LONGEST = {"webapp": 340, "tests": 400}  # lines; a file that is longer holds two subjects
# What the core may import besides the standard library.
CORE = frozenset({"webapp", "sqlalchemy", "psycopg"})
FEATURE_FILES = {
    "queries.py": ("flask", "flask_wtf", "wtforms", "webapp.web"),
    "forms.py": ("sqlalchemy", "psycopg", "webapp.rls", "webapp.web.extensions"),
}
# What lies in the glue for all features to find, and knows nothing of a request.
WITHOUT_FLASK = ("webapp.web.keyset", "webapp.web.amounts", "webapp.web.catalogue", "webapp.web.csv_export")


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imports(source: str) -> Iterator[str]:
    """Yield the modules that ``source`` imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(source: str) -> set[str]:
    """Return every attribute and imported name that ``source`` uses."""
    tree = ast.parse(source)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return used | {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_a_transaction_is_ended_in_named_places_only() -> None:
    ending = {name(path) for path in MODULES if ENDS.search(path.read_text())}
    assert ending <= set(MAY_END), "a feature flushes; the request's scope commits"


def test_the_request_is_committed_in_one_place() -> None:
    found = [
        (name(path), line.strip())
        for path in [*(PACKAGE / "web").rglob("*.py"), *(PACKAGE / "blueprints").rglob("*.py")]
        for line in path.read_text().splitlines()
        if "commit(" in line
    ]
    assert found == [("web/scope.py", "db.session.commit()")]


def test_the_environment_is_read_in_named_places_only() -> None:
    reading = {name(path) for path in MODULES if attributes(path.read_text()) & ENVIRONMENT}
    assert reading <= set(MAY_READ_ENVIRONMENT)


def test_the_core_needs_nothing_but_sqlalchemy_and_psycopg() -> None:
    foreign = {
        (name(path), module)
        for path in (PACKAGE / "rls").rglob("*.py")
        for module in imports(path.read_text())
        if (top := module.partition(".")[0]) not in CORE | sys.stdlib_module_names
        or (top == "webapp" and module != "webapp" and not module.startswith("webapp.rls"))
    }
    assert foreign == set()


@pytest.mark.parametrize("file", FEATURE_FILES)
def test_a_features_files_keep_to_their_subject(file: str) -> None:
    wrong = {
        (name(path), module)
        for path in (PACKAGE / "blueprints").glob(f"*/{file}")
        for module in imports(path.read_text())
        if module.startswith(FEATURE_FILES[file]) and not module.startswith(WITHOUT_FLASK)
    }
    assert wrong == set()


def test_routes_hold_no_sql() -> None:
    wrong = {
        (name(path), module)
        for path in (PACKAGE / "blueprints").glob("*/routes.py")
        for module in imports(path.read_text())
        if module.partition(".")[0] in ("sqlalchemy", "psycopg")
    }
    assert wrong == set()


def test_no_file_holds_two_subjects() -> None:
    long = {
        str(place): lines
        for path in [*MODULES, *TESTS]
        if (lines := _lines(path)) > LONGEST[(place := path.relative_to(ROOT)).parts[0]]
    }
    assert long == {}
    assert {path.name for path in MODULES} & NO_NAMES == set()


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in [*MODULES, *TESTS]
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_create_app_stays_short() -> None:
    assert _lines(PACKAGE / "__init__.py") < 80


def test_every_folder_of_tests_is_a_package() -> None:
    """Two files of one name in two folders would be one module otherwise."""
    folders = {path.parent for path in TESTS}
    assert {str(folder) for folder in folders if not (folder / "__init__.py").exists()} == set()


def test_conftest_is_a_list_of_plugins() -> None:
    tree = ast.parse((ROOT / "tests" / "conftest.py").read_text())
    kinds = [type(node) for node in tree.body]
    assert kinds == [ast.Expr, ast.Assign]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\nos.environ['X']", {"environ"}),
        ("from os import getenv", {"getenv"}),
        ("environment = {}\nenvironment['X']", set()),
    ],
)
def test_reading_the_environment_is_noticed(source: str, found: set[str]) -> None:
    assert attributes(source) & ENVIRONMENT == found


def test_an_import_inside_a_function_is_noticed() -> None:
    assert set(imports("def f():\n    from flask import g")) == {"flask", "flask.g"}
