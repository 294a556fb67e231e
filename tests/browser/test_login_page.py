"""Somebody signs in and out with a browser: by the keyboard, on a phone, in both languages."""

import json
import re
from pathlib import Path

from page_server import open_browser, serve_page
from playwright.sync_api import expect

from finetune.service.users import USERS, UserStore

PASSWORD = "correct horse battery"
SOON_MS = 30_000
KEPT = "Object.keys(localStorage).filter(key => key.startsWith('finetune-'))"


def test_a_person_signs_in_and_out_and_is_led_to_the_login_when_signed_out_elsewhere(tmp_path: Path) -> None:
    users = UserStore(tmp_path / "here" / "checkpoints" / USERS)
    users.add("ann", PASSWORD)
    with (
        serve_page(tmp_path / "here", "--auth") as served,
        open_browser(tmp_path / "browser") as browser,
        browser.person(served, "ann", width=375) as (context, watch),
    ):
        page = context.new_page()
        page.goto(served.url)
        expect(page).to_have_url(f"{served.url}/login")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type("ann")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Password")).to_be_focused()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text(re.compile("The name or the password is wrong"))
        expect(page.get_by_label("Name")).to_have_value("ann")
        expect(page.get_by_label("Name")).to_have_accessible_description(re.compile("is wrong"))
        page.get_by_role("link", name="中文").click()
        expect(page.get_by_role("heading", name="登录")).to_be_visible()
        page.get_by_role("link", name="English").click()
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        line = page.locator("#signed-in")
        expect(line).to_contain_text("Signed in as ann", timeout=SOON_MS)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.evaluate("document.cookie").find("session") == -1
        page.evaluate(f"localStorage.setItem('finetune-project', {json.dumps('0' * 32)})")
        line.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_have_text("You are signed out.")
        assert page.evaluate(KEPT) == []
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(line).to_contain_text("Signed in as ann", timeout=SOON_MS)
        users.sign_out("ann")
        expect(page).to_have_url(f"{served.url}/login", timeout=SOON_MS)
        assert watch.strangers == []
