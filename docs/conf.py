"""Configuration of the documentation: sphinx-build -b html docs docs/_build/html."""

import importlib
import inspect
import os
import pathlib
import pkgutil
import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import skal

HERE = pathlib.Path(__file__).parent

project = "skal"
author = "the skal developers"
copyright = author  # noqa: A001
release = skal.__version__
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "results/**", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
default_role = "code"

# Pages -----------------------------------------------------------------------------
myst_heading_anchors = 3

# API reference ---------------------------------------------------------------------
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autosummary_context = {}  # filled with the public names
autodoc_typehints = "none"  # the docstrings say it
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False  # the class template lists them
numpydoc_class_members_toctree = False

# Gallery ---------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "ignore_pattern": r"^(?!plot_).*\.py$|[/\\](?!plot_)[^/\\]*\.py$",
    "doc_module": ("skal",),
    "reference_url": {"skal": None},
    "backreferences_dir": "api/backreferences",
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}

# Look ------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "skal"
html_static_path = ["_static"]
html_css_files = ["skal.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"  # no script, no network
html_sidebars = {"index": [], "which_strategy_first": [], "changelog": []}
html_theme_options = {
    "logo": {"text": "skal"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "navigation_with_keys": False,
}


def public_names():
    """Find, by module, the names in ``__all__`` that no module before it has."""
    found = (m.name for m in pkgutil.iter_modules(skal.__path__, "skal."))
    names = ["skal", *sorted(n for n in found if not n.startswith("skal._"))]
    modules, seen = {}, set()
    for module in map(importlib.import_module, names):
        offered = {n: getattr(module, n) for n in getattr(module, "__all__", [])}
        new = {n for n, v in offered.items() if n[0] != "_" and id(v) not in seen}
        seen |= {id(offered[name]) for name in new}
        if new:
            modules[module.__name__] = sorted(new)
    return modules


def inherited_methods(name):
    """Name the methods of a class that scikit-learn gives it."""
    module, _, name = name.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    return [
        name
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not _is_own(method) and not re.search("^_|request|metadata", name)
    ]


def _is_own(member):
    return str(getattr(member, "__module__", "")).startswith("skal")


def write_api_index(app, config):  # noqa: ARG001
    """List the modules; autosummary writes a page for each, and for what it holds."""
    lines = ["API reference", "=" * 13, "", ".. autosummary::", "   :toctree: .", ""]
    modules = public_names()
    config.autosummary_context["public_names"] = modules
    config.autosummary_context["inherited"] = {
        f"{module}.{name}": inherited_methods(f"{module}.{name}")
        for module, names in modules.items()
        for name in names
        if isinstance(getattr(importlib.import_module(module), name), type)
    }
    text = "\n".join([*lines, *(f"   {name}" for name in modules), ""])
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.rst"):  # a name in there may be gone
        path.unlink()
    (folder / "index.rst").write_text(text)


def skip_member(app, what, name, member, skip, options):  # noqa: ARG001
    """Leave out of a class page what is no method of skal's own."""
    if what != "class":
        return None
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    shown = _is_own(function) and callable(function) and not name.startswith("_")
    return None if shown and name != "get_metadata_routing" else True


def keep_links(app, path, docname, content):  # noqa: ARG001
    """Aim the links of an included file at pages; what is no page stays as text."""

    def aimed(match):
        text, target, anchor = match.groups()
        page = pathlib.Path(os.path.normpath(path.parent / target))
        is_page = page.with_suffix("").as_posix() in app.project.docnames
        return f"[{text}]({page.as_posix()}{anchor})" if is_page else text

    link = r"(?<!!)\[([^\]]*)\]\(([^):#]+\.md)(#[^)]*|)\)"
    content[0] = re.sub(link, aimed, content[0])


def _math(block):
    def visit(translator, node):
        translator.body.append(tex2mathml(node.astext(), as_block=block))
        raise nodes.SkipNode

    return visit, None


def setup(app):
    """Register what is above."""
    app.connect("config-inited", write_api_index)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("include-read", keep_links)
    app.add_html_math_renderer("mathml", _math(block=False), _math(block=True))
