"""The pages: every Python block runs and prints what the page says; the site builds."""

import contextlib
import io
import linecache
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kerascnn
from kerascnn import export

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page):
    """(language, source, number of the line before it) of each fenced block of a page.

    The language of a block that shows what the one right above it prints is "printed".
    """
    text, made, end = page.read_text(), [], 0
    for found in FENCED.finditer(text):
        kind = found[1]
        if kind == "text" and made and not text[end : found.start()].strip():
            kind = "printed"
        made.append((kind, found[2], text[: found.start(2)].count("\n")))
        end = found.end()
    return made


def program(page):
    return [source for kind, source, _ in blocks(page) if kind == "python"]


START = ROOT / "docs/index.md"  # shows the script of README, which runs once
WITH_PYTHON = [page for page in PAGES if program(page) and page != START]


def alike(printed):
    """Printed lines without what another machine may print otherwise: digits, widths, order."""
    printed = re.sub(r"\d[\d,.]*", "#", printed)
    lines = [re.sub("[━─]+", "-", line).split() for line in printed.split("\n") if line]
    return sorted(" ".join(line) for line in lines)  # rows of a table stand by their numbers


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_and_print_what_it_says(page, tmp_path, monkeypatch):
    """A page is one program; a block of text right below a block of Python is what that prints."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    names, printed = {"__name__": "__main__"}, ""
    for kind, source, before in blocks(page):
        if kind == "printed":
            assert alike(printed) == alike(source), f"{page.name}, line {before}"
        if kind == "python":
            lines = "\n" * before + source
            name = str(page)
            linecache.cache[name] = (len(lines), None, lines.splitlines(keepends=True), name)
            with contextlib.redirect_stdout(io.StringIO()) as told:
                exec(compile(lines, name, "exec"), names)
            printed = told.getvalue()


def test_the_start_page_shows_the_script_of_readme():
    assert program(START) == program(ROOT / "README.md")


def test_blocks_of_code_say_their_language():
    for page in PAGES:
        for kind, _, before in blocks(page):
            assert kind in ("python", "printed", "text", "shell"), (
                f"{page.name}, line {before}: {kind!r}"
            )


def test_every_public_name_has_its_docstring_on_the_page():
    page = (ROOT / "docs/api.md").read_text()
    shown = set(re.findall(r"^::: ([\w.]+)$", page, re.MULTILINE))
    for package in (export, kerascnn):
        for name in package.__all__:
            found = getattr(package, name)
            assert f"{found.__module__}.{name}" in shown, f"docs/api.md lacks {name}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site. Strict: a broken link or anchor ends it; not with --quiet."""
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(site):
    for page in (ROOT / "docs").glob("*.md"):
        html = (site / f"{page.stem}.html").read_text()
        loaded = re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(https?:[^"]+)"', html)
        assert not loaded, page.name


def test_the_site_shows_signatures_and_docstrings(site):
    html = re.sub("<[^>]+>", "", (site / "api.html").read_text())
    assert "Rebuilds a model so that it predicts, and trains" in html
    assert "exclude" in html and "Raises" in html


def test_links_of_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text()):
        assert target.startswith("http") or (ROOT / target).exists(), target
