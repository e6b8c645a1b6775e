"""Static files: one stylesheet and one script, hashed names, compressed at collect time: a page costs few requests."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLE = "css/app.css"
SCRIPT = "js/desk.js"


def bundle_css() -> str:
    """Return all component stylesheets as one, in the order of css/ORDER (the `@layer` order)."""
    folder = Path(settings.BASE_DIR) / "static" / "css"
    names = [line.strip() for line in (folder / "ORDER").read_text().splitlines()]
    return compact("\n".join((folder / name).read_text() for name in names if name and not name.startswith("#")))


def compact(css: str) -> str:
    """Drop comments and the blanks that mean nothing; enough for our own style, which has no braces in strings."""
    css = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.S))
    return re.sub(r"\s*([{};,>])\s*", r"\1", css).replace(": ", ":").replace(";}", "}").strip()


def bundle_js() -> str:
    """Return desk.js with the behaviours that it imports written in their places: one request instead of a dozen.

    Each behaviour keeps its names inside a block and exports nothing, so that they can stand in one module.
    """
    folder = Path(settings.BASE_DIR) / "static" / "js"
    imports = re.compile(r'^import "\./([\w-]+\.js)";$', re.M)
    return imports.sub(lambda found: (folder / found[1]).read_text(), (folder / "desk.js").read_text())


class BundledStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Adds the bundles to what is collected, and rewrites imports between our ES modules to the hashed names."""

    support_js_module_import_aggregation = True
    manifest_strict = False

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Write the bundles first, then hash and compress everything."""
        if not dry_run:
            for name, text in ((BUNDLE, bundle_css()), (SCRIPT, bundle_js())):
                self.delete(name)
                self._save(name, ContentFile(text.encode()))
                paths[name] = (self, name)
        yield from super().post_process(paths, dry_run, **options)
