# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Documents: what they link to is there, and the site's table of contents names pages that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from visual_byte_testing.paths import ROOT

LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)(?:#[^)\s]*)?\)")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("checkpoints/*.md"), *ROOT.glob(".github/*.md")]
)
# By the hook tools/docs_site.py, out of files elsewhere in the clone.
MADE = {
    "index.md", "contributing.md", "security_policy.md", "code_of_conduct.md", "checkpoints.md", "models/starter.md",
    "models/starter-small.md",
}  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_most_documents_have_links() -> None:
    assert sum(bool(LINK.search(document.read_text(encoding="utf-8"))) for document in DOCUMENTS) > 15


def pages(nav: Any) -> list[str]:
    """The pages of a `nav` of mkdocs, at any depth."""
    if isinstance(nav, str):
        return [nav]
    return [page for entry in (nav.values() if isinstance(nav, dict) else nav) for page in pages(entry)]


def test_the_site_names_pages_that_exist_and_each_once() -> None:
    named = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert len(named) == len(set(named)) > 25
    assert {name for name in named if not (ROOT / "docs" / name).is_file()} == MADE
