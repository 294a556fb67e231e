"""axe-core on every tab of a page, in light and dark, on a desktop and on a phone."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from finetune.advice.language import Language
from finetune.words import speaking, t
from ui.layout import TABS

GRADIO_S_OWN = {"aria-prohibited-attr", "label-content-name-mismatch"}
"""Rules that Gradio's own components break in every page of it."""
WIDTHS_PX = (1200, 375)
OPTIONS = {"resultTypes": ["violations"], "iframes": False}


def faults_on_every_tab(page: Page, spoken: Language) -> list[str]:
    """Return what axe finds, and each tab that scrolls sideways; the page is left at its first width and in light."""
    with speaking(spoken):
        names = [t(name) for name in TABS]
    faults = []
    for scheme, width in ((scheme, width) for scheme in ("light", "dark") for width in WIDTHS_PX):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        # A window is narrowed in many steps; Gradio fits its tabs to the step before.
        page.evaluate("window.dispatchEvent(new Event('resize'))")
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
        for name in names:
            page.get_by_role("tab", name=name, exact=True).click()
            where = f"{name}, {scheme}, {width} px"
            faults += [f"{where}: {fault}" for fault in faults_now(page)]
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                faults.append(f"{where}: scrolls sideways")
    page.set_viewport_size({"width": WIDTHS_PX[0], "height": 900})
    page.evaluate("document.body.classList.remove('dark')")
    return faults


def faults_now(page: Page) -> list[str]:
    """Return what axe finds in what is shown: the rule, and the first elements that break it."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{each['id']}: {' | '.join(node['html'][:140] for node in each['nodes'][:3])}"
        for each in found
        if each["id"] not in GRADIO_S_OWN
    ]


def unreachable_by_keyboard(page: Page, most: int = 200) -> list[str]:
    """Return the visible things to press that Tab does not come to, and those that do not show that it has."""
    everything = page.evaluate(
        """() => {
            const pressed = 'a[href], button, input, select, textarea, summary, [role=tab]';
            const shown = each => each.checkVisibility({visibilityProperty: true}) && each.getClientRects().length;
            window.toReach = [...document.querySelectorAll(pressed)].filter(each =>
                shown(each) && !each.disabled && each.tabIndex >= 0 && each.type !== 'file');
            window.reached = new Set();
            window.unseen = new Set();
            document.body.tabIndex = -1;
            document.body.focus();
            return window.toReach.length;
        }"""
    )
    for _ in range(min(most, everything + 40)):
        page.keyboard.press("Tab")
        page.evaluate(
            """() => {
                const here = document.activeElement, style = getComputedStyle(here);
                window.reached.add(here);
                const told = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
                if (!told && window.toReach.includes(here)) window.unseen.add(here);
            }"""
        )
    left: list[str] = page.evaluate(
        """() => [
            ...window.toReach.filter(each => !window.reached.has(each)).map(each => 'not reached: ' + each.outerHTML),
            ...[...window.unseen].map(each => 'focus unseen: ' + each.outerHTML),
        ]"""
    )
    return left
