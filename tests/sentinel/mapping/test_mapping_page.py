"""The page that asks for nothing, driven as a person would."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from sentinel.mapping import (
    Words,
    interactive_map,
)

NASTY = "<script>alert(1)</script> & \"quoted\" 'title' $money"


@pytest.fixture(scope="module")
def page(scene):
    words = Words(title=NASTY, source=NASTY, notes=(NASTY,), simulated=True)
    return interactive_map(scene, words)


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)


def test_page__asks_for_nothing(page):
    assert not re.search(
        r"https?:|//[a-z0-9.-]+\.[a-z]{2,}/|url\(|@import|import\(", page
    )
    outline = Outline()
    outline.feed(page)
    names = {name for name, _ in outline.attributes}
    assert not names & {"src", "href", "srcset", "action", "xlink:href", "style"}
    assert not any(name.startswith("on") for name in names)
    assert not set(outline.tags) & {"link", "img", "iframe", "object", "embed", "base"}


def test_page__policy_names_its_own_style_and_script_only(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_page__text_is_escaped_and_warning_shown(page):
    assert "<script>alert" not in page
    assert (
        page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;")
        >= 3
    )
    assert "$money" in page
    assert "Simulated data, not a finding" in page


def test_page__holds_no_small_number(page):
    counts = re.findall(r"([\d,]+) respondents", page)
    assert counts
    assert min(int(count.replace(",", "")) for count in counts) >= 11
    cells = re.findall(r'<td class="n">([\d,]+)</td>', page)
    assert min(int(cell.replace(",", "")) for cell in cells) >= 11
    assert "withheld" in page


def test_page__every_symbol_is_named_for_those_who_cannot_see(page):
    drawn = re.findall(r'<g class="(?:leg|node)[^>]*>', page)
    assert drawn
    assert all("aria-label=" in tag and 'tabindex="0"' in tag for tag in drawn)
    assert 'lang="en"' in page
    assert 'name="viewport"' in page
