"""Tags and filters of the desk's pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html_join

from bookops import markup
from bookops.home_page import panels_for

register = template.Library()

for _filter in (markup.ago, markup.badge, markup.in_words, markup.pretty_json, markup.page_of):
    register.filter(_filter.__name__, _filter)
register.filter("outside_link", markup.outside_link)
register.filter("foreign", markup.text)
register.simple_tag(markup.badge, name="badge_of")
register.simple_tag(markup.bar, name="bar")
register.simple_tag(markup.lasting, name="lasting")


@register.simple_tag(takes_context=True)
def home_panels(context: dict[str, Any]) -> str:
    """Render the panels of the home page."""
    request = context["request"]
    return format_html_join(
        "\n",
        '<section class="desk-panel"><h2>{}</h2>{}</section>',
        ((panel.title, render_to_string(panel.template, shown, request)) for panel, shown in panels_for(request)),
    )


@register.filter
def share_of(part: float, most: float) -> int:
    """Return a part of the most there is in whole per cent, for the length of a bar."""
    return round(100 * part / most) if most else 0


@register.filter
def kilobytes(size: int) -> str:
    """Return a size in bytes in the unit that people would choose."""
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} KB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MB"


@register.filter
def words(code: str) -> str:
    """Return a code as words: api_timeout, api timeout."""
    return str(code).replace("_", " ")


@register.filter
def plainly(value: Any) -> str:
    """Return a value out of JSON without brackets and braces where it is a list or a dict of plain values."""
    if isinstance(value, list):
        return "; ".join(plainly(one) for one in value if one is not None)
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {plainly(one)}" for name, one in value.items() if one not in ("", None, [], {}))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
