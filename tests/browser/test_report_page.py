"""A report on a phone and on a desk, by day and by night: nothing sticks out, nothing is fetched, nothing is hard to read."""

import pytest
from tests.unit.trading.test_report import MANY, report

from stoa.trading.report import report_page

pytestmark = pytest.mark.browser

LOUD = """() => {
    const channel = value => { const part = value / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4 };
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (color.startsWith("rgb(")) return numbers(color);
        }
    };
    const faint = new Set();
    for (const element of document.querySelectorAll("main *:not(svg, svg *)")) {
        if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        const pair = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
        if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) faint.add(element.className + ": " + element.textContent);
    }
    return [...faint];
}"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(
        report_page(report(3_000, *MANY[:300], title="A title that is longer than any phone is wide")),
        encoding="utf-8",
    )
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1200])
def test_a_report_fits_and_is_read(browser, page_file, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    fetched, said = [], []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(page_file)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg").count() == 3
    assert page.evaluate(LOUD) == []
    assert (fetched, said) == ([page_file], [])
    context.close()
