"""The report as a person meets it: in a real Chromium, without a screen."""

from __future__ import annotations

import json
import shutil
import time
from urllib.parse import quote

import pytest

from runs.folder import writing
from tests.runs.report.helpers import page_of, rich_run
from tests.runs.report.test_hostile import hostile_run

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WIDTHS = (400, 1600)

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs Debian's chromium and chromium-driver: apt-get install chromium chromium-driver",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Reports of a run that is finished, of one that goes on, and of one that means harm."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "rich.html").write_text(page_of(rich_run(folder / "rich"), seen=True), encoding="utf-8")
    with writing(rich_run(folder / "running", "searching")):
        (folder / "running.html").write_text(page_of(folder / "running"), encoding="utf-8")
    (folder / "hostile.html").write_text(page_of(hostile_run(folder / "hostile")), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser():
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def opened(browser, file, width=1600):
    """Open a page at a width and return what it requested from anywhere else."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("performance")
    browser.get(f"file://{quote(str(file))}")
    wait_for(
        browser,
        "document.querySelectorAll('.plot').length === document.querySelectorAll('.plot .main-svg:first-child').length",
    )
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    requested = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in requested if not url.startswith(("file:", "data:"))]


def wait_for(browser, condition, seconds=20):
    end = time.monotonic() + seconds
    while not browser.execute_script(f"return {condition}"):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


@pytest.mark.parametrize("width", WIDTHS)
def test_it_draws_everything_at_any_width_without_an_error_or_a_request(browser, pages, width):
    assert opened(browser, pages / "rich.html", width) == []
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    widest = browser.execute_script("return document.documentElement.scrollWidth")
    assert widest <= width
    broad = "[...document.querySelectorAll('.plot')].filter(p => p.getBoundingClientRect().right > innerWidth).length"
    assert browser.execute_script(f"return {broad}") == 0
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.execute_script("return document.querySelectorAll('.plot').length") >= 8
    assert browser.execute_script("return document.querySelectorAll('[data-title^=Share]').length") == 0


def test_a_pointer_over_a_point_of_the_front_shows_its_formula_and_numbers(browser, pages):
    opened(browser, pages / "rich.html")
    browser.execute_script(
        "document.getElementById('plot-front').scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    x, y = browser.execute_script(
        "const plot = document.getElementById('plot-front'), {xaxis, yaxis} = plot._fullLayout;"
        "const trace = plot.data.find(t => t.name === 'finalists'), box = plot.getBoundingClientRect();"
        "const at = trace.hovertext.findIndex(text => text.includes('#7'));"
        "return [box.left + xaxis._offset + xaxis.d2p(trace.x[at]), box.top + yaxis._offset + yaxis.d2p(trace.y[at])]"
    )
    for shift in (-3, 0):
        place = {"type": "mouseMoved", "x": x + shift, "y": y}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", place)
    wait_for(browser, "document.querySelector('#plot-front .hoverlayer .hovertext') !== null")
    said = browser.execute_script("return document.querySelector('#plot-front .hoverlayer').textContent")
    assert "#7" in said
    assert "alpha*x + x**2" in said
    assert "validation error 0.2850 ±0.0050" in said


def test_tables_sort_by_number_and_say_so(browser, pages):
    opened(browser, pages / "rich.html")
    heads = "[...document.querySelectorAll('#front th')]"
    column = browser.execute_script(f"return {heads}.findIndex(h => h.textContent === 'cost')")
    shown = f"return [...document.querySelectorAll('#front tbody tr')].map(r => Number(r.cells[{column}].textContent))"
    for direction, reverse in (("ascending", False), ("descending", True)):
        browser.execute_script(f"{heads}[{column}].querySelector('button').click()")
        values = browser.execute_script(shown)
        assert values == sorted(values, reverse=reverse)
        assert len(set(values)) > 3
        assert browser.execute_script(f"return {heads}[{column}].getAttribute('aria-sort')") == direction


def test_a_page_loads_itself_anew_only_while_the_campaign_is_not_finished(browser, pages):
    for name, wanted in (("rich", []), ("running", [30_000])):
        asked = browser.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument",
            {"source": "window.waits = []; const old = setTimeout; setTimeout = (f, ms, ...r) => {"
                       "if (ms > 9000) waits.push(ms); return old(f, ms, ...r); }"},
        )  # fmt: skip
        opened(browser, pages / f"{name}.html")
        assert browser.execute_script("return waits") == wanted
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", asked)


def test_it_prints_with_pictures_that_fit_the_paper(browser, pages):
    opened(browser, pages / "rich.html")
    paper = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert len(paper["data"]) > 50_000
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    wait_for(
        browser, "[...document.querySelectorAll('.plot .main-svg')].every(s => s.getBoundingClientRect().width <= 660)"
    )
    assert browser.execute_script("return [...document.querySelectorAll('details')].every(d => d.open)")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    wait_for(browser, "document.querySelector('#plot-front .main-svg').getBoundingClientRect().width > 900")


def test_what_a_hostile_run_says_is_shown_and_never_run(browser, pages):
    assert opened(browser, pages / "hostile.html") == []
    assert browser.execute_script("return window.harmed") is None
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    assert (
        browser.execute_script(
            "return document.querySelectorAll('img, iframe, object, a[href^=http], script[src]').length"
        )
        == 0
    )
    assert browser.execute_script("return document.querySelectorAll('svg a').length") == 0
    assert "<script>window.harmed" in browser.execute_script("return document.querySelector('#filters').textContent")
