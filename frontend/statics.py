"""Static files under names that carry their hash, ES modules' imports included."""

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStorage(ManifestStaticFilesStorage):
    # Without this a hashed main.js would import the unhashed, hence stale, modules.
    support_js_module_import_aggregation = True

    # JSDoc names types by import("…") in comments, often in both directions; taken for code, two such files would each
    # need the other's hash first. Our code has no dynamic imports, so that pattern is left out.
    _js_module_import_aggregation_patterns = (
        "*.js",
        tuple(
            pattern
            for pattern in ManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]
            if r"import\(" not in pattern[0]
        ),
    )


class Statics(StaticFilesConfig):
    # htmx's extensions are not used, and one imports a module that its package does not ship.
    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "ext"]
