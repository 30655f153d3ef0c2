# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A hook of mkdocs (mkdocs.yml): pages that are written elsewhere, the API reference, and links to files of the clone.

Documents link to files as they lie in the clone, so that they can be read there as well. On the site a link to a file
that is a page becomes a link to that page; any other file is named, but not linked.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
RESOURCES = "visual_byte_core/resources/models"
ELSEWHERE = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "security_policy.md": "SECURITY.md",
    "code_of_conduct.md": "CODE_OF_CONDUCT.md",
    "checkpoints.md": "checkpoints/README.md",
    "models/starter.md": f"{RESOURCES}/starter/README.md",
    "models/starter-small.md": f"{RESOURCES}/starter-small/README.md",
}
"""Pages of the site by the files of the clone that they are made of."""
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
ADDRESS = re.compile(r"[a-z]+:|#")
PICTURES = (".png", ".jpg", ".svg")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the API and the pages that `nav` does not name into it."""
    sections = {next(iter(section)): next(iter(section.values())) for section in config.nav}
    sections["API"] += [{name: f"api/{name}.md"} for name in packages()]
    named = {
        page if isinstance(page, str) else next(iter(page.values())) for pages in sections.values() for page in pages
    }
    sections["Measured"] += sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written elsewhere, with their pictures, and those of the API."""
    for page, source in ELSEWHERE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
        for target in pictures_of(text):
            picture = (ROOT / source).parent / target
            place = placed(picture, page)
            if picture.is_file() and files.get_file_from_path(place) is None:
                files.append(File.generated(config, place, abs_src_path=str(picture.resolve())))
    for name in packages():
        files.append(File.generated(config, f"api/{name}.md", content=f"# {name}\n\n::: {name}\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site has them."""
    source = ROOT / ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def replaced(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if ADDRESS.match(match["target"]):
            return match[0]
        place = placed(Path(os.path.normpath(source.parent / target)), page.file.src_uri)
        if files.get_file_from_path(place) is None:
            name = os.path.relpath(source.parent / target, ROOT)
            return f"`{name}`" if match["text"].strip("`") == name else f"{match['text']} (`{name}`)"
        relative = os.path.relpath(place, Path(page.file.src_uri).parent)
        return f"{match['image']}[{match['text']}]({relative}{'#' + anchor if anchor else ''})"

    return LINK.sub(replaced, markdown)


def placed(file: Path, page: str) -> str:
    """Where the site has a file of the clone that `page` links to: below docs/, as a page, or beside the page."""
    file = file.resolve()  # models/ is a link
    for name, source in ELSEWHERE.items():
        if file == ROOT / source:
            return name
    if file.is_relative_to(ROOT / "docs"):
        return file.relative_to(ROOT / "docs").as_posix()
    return (Path(page).with_suffix("") / file.name).as_posix()


def pictures_of(text: str) -> list[str]:
    return [match["target"] for match in LINK.finditer(text) if match["target"].endswith(PICTURES)]


def packages() -> list[str]:
    """The packages of the API, the core's folders first; resources hold no code."""
    core = sorted(path.parent.name for path in (ROOT / "visual_byte_core").glob("*/__init__.py"))
    return [*(f"visual_byte_core.{name}" for name in core if name != "resources"), "visual_byte_ros"]
