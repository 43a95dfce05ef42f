"""What the documents say is so: settings, commands, files and decision records."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from webapp.cli import main
from webapp.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)#\s]+)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:bin|bench|docs|migrations|supabase|tests|webapp)/[\w./-]+|wsgi\.py|[\w-]+\.(?:toml|lock|ini)")


def _commands(command: click.Command, name: str = "rowhouse") -> list[str]:
    if isinstance(command, click.Group):
        return [found for sub, inner in command.commands.items() for found in _commands(inner, f"{name} {sub}")]
    return [name]


def test_every_setting_stands_in_the_deployment_document() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))
    assert named == {field.upper() for field in Settings.model_fields}


def test_every_command_stands_in_the_deployment_document() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    named = set(re.findall(r"^\| `(rowhouse [a-z -]+)` \|", text, re.MULTILINE))
    assert named == set(_commands(main))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_every_file_named_is_there(document: Path) -> None:
    text = document.read_text()
    missing = [
        target
        for target in _LINK.findall(text)
        if not target.startswith(("http:", "https:", "mailto:")) and not (document.parent / target).exists()
    ]
    missing += [code for code in _CODE.findall(text) if _PATH.fullmatch(code) and not (ROOT / code).exists()]
    assert not missing


def test_every_decision_record_stands_in_the_index_and_says_its_parts() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    for record in sorted(folder.glob("0*.md")):
        assert f"]({record.name})" in index, f"{record.name} is not in the index"
        text = record.read_text()
        for part in ("**Status:**", "## Context", "## Decision", "## Consequences"):
            assert part in text, f"{record.name} has no {part}"
