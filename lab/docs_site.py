"""MkDocs hook: adds the pages outside docs/, translates links from the paths of the repository to those of the site."""

import logging
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ADDED = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "design/security.md": "SECURITY.md",
    "results/model-card.md": "mmdigit/reading/weights/MODEL_CARD.md",
    "operate/compose.md": "deploy/README.md",
    "operate/terraform.md": "deploy/terraform/README.md",
    "use/samples.md": "samples/README.md",
}
"""Page of the site -> file of the repository."""
LOG = logging.getLogger("mkdocs.hooks.links")  # below "mkdocs", whose warnings end a strict build
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside docs/."""
    for uri, source in ADDED.items():
        files.append(File.generated(config, uri, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Translate the links of one page, outside of its code blocks."""
    uri = page.file.src_uri
    source = ADDED.get(uri, f"docs/{uri}")
    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lambda found: translated(found, uri, source), text) for text in parts[::2]]
    return "".join(parts)


def translated(found: re.Match[str], uri: str, source: str) -> str:
    """A link to a page leads to that page. A link to another file, which the site lacks, becomes the file's path."""
    image, text, target, anchor = found.groups()
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if not (ROOT / path).exists():
        LOG.warning("%s: expected a file of the repository at %s, got none; mend the link", source, path)
    pages = {repository: site for site, repository in ADDED.items()}
    there = pages.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    if there is None:
        return f"`{path}`" if text.strip("`") in (path, posixpath.basename(path)) else f"{text} (`{path}`)"
    return f"{image}[{text}]({posixpath.relpath(there, posixpath.dirname(uri) or '.')}{anchor or ''})"
