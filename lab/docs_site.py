"""MkDocs hook: adds what docs/ links to outside of it, translates links from the repository's paths to the site's."""

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
    "use/clips.md": "mmdigit/webapp/clips/README.md",
    "use/prompts.md": "mmdigit/numbers/prompt_clips/README.md",
}
"""Page of the site -> file of the repository."""
LOG = logging.getLogger("mkdocs.hooks.links")  # below "mkdocs", whose warnings end a strict build
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, and a copy of each file that a page links to."""
    for uri, source in ADDED.items():
        files.append(File.generated(config, uri, content=(ROOT / source).read_text(encoding="utf-8")))
    for page in list(files.documentation_pages()):
        source = ADDED.get(page.src_uri, f"docs/{page.src_uri}")
        for target in LINK.findall(page.content_string):
            path = repository_path(source, target[2])
            if (ROOT / path).is_file() and site_uri(path) == f"files/{path}" and f"files/{path}" not in files.src_uris:
                files.append(File.generated(config, f"files/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Translate the links of one page, outside of its code blocks."""
    uri = page.file.src_uri
    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lambda found: translated(found, uri), text) for text in parts[::2]]
    return "".join(parts)


def translated(found: re.Match[str], uri: str) -> str:
    """A link to a page or a file becomes a link within the site. A link to a folder becomes the folder's path."""
    image, text, target, anchor = found.groups()
    source = ADDED.get(uri, f"docs/{uri}")
    path = repository_path(source, target)
    if not (ROOT / path).exists():
        LOG.warning("%s: expected a file of the repository at %s, got none; correct the link", source, path)
    if (ROOT / path).is_dir():
        return f"`{path}/`" if text.strip("`/") == path else f"{text} (`{path}/`)"
    return f"{image}[{text}]({posixpath.relpath(site_uri(path), posixpath.dirname(uri) or '.')}{anchor or ''})"


def repository_path(source: str, target: str) -> str:
    """The path of a link's target in the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def site_uri(path: str) -> str:
    """The address within the site of a file of the repository."""
    pages = {source: uri for uri, source in ADDED.items()}
    return pages.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}")
