"""The one list of tags that a mission's texts may use; everything else is taken out by nh3."""

from __future__ import annotations

import html

import nh3

_TAGS = {
    *("p", "br", "hr", "div", "span", "strong", "b", "em", "i", "u", "s", "sub", "sup", "mark", "small"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "target"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_SCHEMES = {"http", "https", "mailto"}
_CLEANER = nh3.Cleaner(tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES)


def clean_html(text: str) -> str:
    """``text`` with nothing left in it that could run or reach out. Cleaning twice changes nothing more."""
    if "<" not in text and "&" not in text and ">" not in text:
        return text
    return _CLEANER.clean(text)


def plain_to_html(text: str) -> str:
    return html.escape(text, quote=False)
