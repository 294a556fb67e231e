"""A person in front of the page: a real server, real children, a real browser."""

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import Browser, Served, colour_zip, open_browser, serve_page
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from finetune.recipe import Recipe
from finetune.words import t

LOOKED_AT_MS = 240_000
TRAINED_MS = 240_000
SOON_MS = 30_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_zip(tmp_path_factory.mktemp("photos") / "photos.zip")


def opened(page: Page, served: Served) -> Page:
    go_to(page, served.url)
    expect(page.locator("#sample-fruit")).to_be_visible(timeout=SOON_MS)
    return page


def go_to(page: Page, url: str) -> None:
    """Open ``url``; a page that finds its server again reloads itself, which may cut a first try off."""
    try:
        page.goto(url)
    except PlaywrightError as error:
        if "ERR_ABORTED" not in str(error):
            raise
        page.goto(url)


def open_tab(page: Page, name: str) -> None:
    """Open the tab called ``name`` in the language that is spoken."""
    page.get_by_role("tab", name=t(name), exact=True).click()


def choose(page: Page, dropdown: str, option: str) -> None:
    page.locator(f"#{dropdown} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def upload(page: Page, path: Path) -> None:
    """Upload a zip, to be measured with the tiny network."""
    open_tab(page, "Data")
    if not page.locator("#backbone input").is_visible():
        page.get_by_role("button", name="Which network").click()
    choose(page, "backbone", "test_resnet")
    page.locator("#upload input[type=file]").set_input_files(path)


def look_at(page: Page, path: Path) -> None:
    upload(page, path)
    expect(page.locator("#go-to-train")).to_be_visible(timeout=LOOKED_AT_MS)


def train(page: Page, strategy: str) -> None:
    open_tab(page, "Train")
    page.locator(f"#choose-{strategy}").click()
    expect(page.locator("#train")).to_have_text(t("Train with {}").format(strategy), timeout=SOON_MS)
    page.locator("#train").click()


def see_result(page: Page, told: re.Pattern[str] | str = "right") -> None:
    """Wait for the training to end and look at what it came to."""
    expect(page.locator("#go-to-results")).to_be_visible(timeout=TRAINED_MS)
    open_tab(page, "Results")
    expect(page.locator("#results .result")).to_contain_text(told)


def options_of(page: Page) -> None:
    open_tab(page, "Train")
    page.get_by_role("button", name=re.compile(f"^{t('Options')}")).click()


def is_as_wide_as_the_screen(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return wide


def unfold(page: Page, *titles: str) -> None:
    for title in titles:
        page.get_by_role("button", name=re.compile(f"^{title}")).click()


def write(page: Page, option: str, text: str) -> None:
    page.locator(f"#{option} textarea").fill(text)


def test_an_expert_sets_any_option_and_an_impossible_pair_is_told_and_nothing_is_lost(
    served: Served, browser: Browser, photos: Path
) -> None:
    with browser.person(served, "expert", width=375) as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, photos)
        open_tab(page, "Train")
        page.locator("#choose-partial").click()
        unfold(page, "Options", "All options", "Head", "Steps and rate", "Schedule", "Regularisation")
        choose(page, "image-size", "64")
        write(page, "own-stages", "2")
        write(page, "option-dropout", "0.25")
        write(page, "option-epochs", "2")
        write(page, "option-warmup-epochs", "0")
        page.locator("#option-wise-ft input").check()
        page.locator("#option-wise-ft input").uncheck()
        choose(page, "option-head-first", "no")
        write(page, "option-gamma", "0.5")
        assert is_as_wide_as_the_screen(page)
        page.locator("#train").click()
        told = "--gamma has no effect without --schedule step; add that, or leave it out"
        expect(page.locator("#notice")).to_contain_text(told, timeout=SOON_MS)
        expect(page.locator("#option-gamma textarea")).to_have_value("0.5")
        choose(page, "option-schedule", "step")
        page.locator("#train").click()
        expect(page.locator("#go-to-results")).to_be_visible(timeout=TRAINED_MS)
        expect(page.locator("#notice")).to_have_text("")
        run = page.locator("#training .quiet").first.inner_text().rpartition(" ")[2]
        recipe = Recipe.read(served.root / run / "recipe.yaml")
        assert recipe.strategy_options == {"stages": 2}
        assert (recipe.schedule, recipe.gamma, recipe.warmup_epochs) == ("step", 0.5, 0)
        assert (recipe.dropout, recipe.epochs, recipe.head_first) == (0.25, 2, False)
        assert (recipe.backbone, recipe.image_size, recipe.wise_ft) == ("test_resnet", 64, False)
        watch.check()


def unfolded_for_long(page: Page) -> None:
    """Choose a training that goes on for as long as it takes to look around."""
    options_of(page)
    choose(page, "image-size", "64")
    unfold(page, "All options", "Steps and rate", "Loop and cache")
    write(page, "option-epochs", "100")
    write(page, "option-patience", "100")


def test_a_reload_and_a_second_tab_find_the_training_and_can_stop_it_and_go_on(
    served: Served,
    browser: Browser,
    photos: Path,
) -> None:
    with browser.person(served, "patient") as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, photos)
        unfolded_for_long(page)
        train(page, "from-scratch")
        expect(page.locator("#training .chart").first).to_be_visible(timeout=TRAINED_MS)
        page.reload()
        # The tab that was open is open.
        expect(page.locator("#training [role=progressbar]")).to_be_visible(timeout=SOON_MS)
        expect(page.locator("#card-from-scratch .card.chosen")).to_be_visible()
        second = context.new_page()
        go_to(second, served.url)
        expect(second.locator("#training [role=progressbar]")).to_be_visible(timeout=SOON_MS)
        open_tab(second, "Data")
        expect(second.locator("#data")).to_contain_text("photos.zip: 42 readable images in 3 classes")
        open_tab(second, "Train")
        second.locator("#pause").click()
        for tab in (page, second):
            expect(tab.locator("#training .told-note")).to_contain_text(
                "Resume goes on from there", timeout=SOON_MS
            )
        page.locator("#resume").click()
        see_result(page)
        see_result(second)
        watch.check()


def test_a_page_that_was_killed_and_is_served_again_goes_on_with_the_training(
    browser: Browser, photos: Path, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    with serve_page(here) as served, browser.person(served, "loyal") as (context, _):
        page = opened(context.new_page(), served)
        look_at(page, photos)
        options_of(page)
        choose(page, "image-size", "64")
        train(page, "from-scratch")
        expect(page.locator("#training .chart").first).to_be_visible(timeout=TRAINED_MS)
        served.process.kill()
        served.process.wait()
        with serve_page(here, "--port", served.url.rpartition(":")[2]):
            go_to(page, served.url)
            expect(page.locator("#training [role=progressbar]")).to_be_visible(timeout=SOON_MS)
            expect(page.locator("#resume")).to_be_hidden()
            see_result(page)


def test_a_zip_that_is_none_or_half_there_is_told_in_the_command_line_s_words_and_nothing_is_lost(
    served: Served,
    browser: Browser,
    photos: Path,
    tmp_path: Path,
) -> None:
    half = tmp_path / "half.zip"
    half.write_bytes(photos.read_bytes()[: photos.stat().st_size // 2])
    text = tmp_path / "notes.txt"
    text.write_text("no zip", encoding="utf-8")
    one = io.BytesIO()
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("photo.jpg", b"\xff\xd8\xff")
    (tmp_path / "flat.zip").write_bytes(one.getvalue())
    with browser.person(served, "unlucky") as (context, watch):
        page = opened(context.new_page(), served)
        for path, sentence in (
            (half, "half.zip is cut off: the end of the zip is missing; download or copy it again"),
            (text, "notes.txt is a file that holds no labelled images; give a folder, a zip or tar of one"),
            (tmp_path / "flat.zip", "no class folders in flat.zip for its 1 images"),
        ):
            upload(page, path)
            expect(page.locator("#data .told-error")).to_contain_text(sentence, timeout=SOON_MS)
            expect(page.locator("#go-to-train")).to_be_hidden()
        look_at(page, photos)
        expect(page.locator("#data .told-error")).to_have_count(0)
        watch.check()


def test_two_people_at_once_wait_for_each_other_and_see_only_their_own(
    served: Served,
    browser: Browser,
    photos: Path,
) -> None:
    with browser.person(served, "first") as (one, _), browser.person(served, "second") as (two, _):
        pages = [opened(context.new_page(), served) for context in (one, two)]
        for page in pages:
            look_at(page, photos)
        for page in pages:
            train(page, "full-finetune")
        expect(pages[0].locator("#training .chart").first).to_be_visible(timeout=TRAINED_MS)
        expect(pages[1].locator("#training")).to_contain_text(
            "Waiting for its turn: 1 before it on this computer"
        )
        pages[0].locator("#cancel").click()
        expect(pages[1].locator("#training .chart").first).to_be_visible(timeout=TRAINED_MS)
        expect(pages[0].locator("#training")).to_contain_text("what this training had is deleted")
        expect(pages[1].locator("#training .quiet").first).to_contain_text(
            "in the folder photos-full-finetune-"
        )
        pages[1].locator("#cancel").click()


def test_a_run_deleted_under_the_page_is_told(
    served: Served,
    browser: Browser,
    photos: Path,
) -> None:
    with browser.person(served, "careless", width=375) as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, photos)
        train(page, "freeze-all")
        expect(page.locator("#go-to-results")).to_be_visible(timeout=TRAINED_MS)
        run = page.locator("#training .quiet").first.inner_text().rpartition(" ")[2]
        shutil.rmtree(served.root / run)
        expect(page.locator("#training .told-error")).to_contain_text(
            "has been deleted; train again", timeout=SOON_MS
        )
        open_tab(page, "Test")
        expect(page.locator("[role=tabpanel]:visible")).to_contain_text("It opens when", timeout=SOON_MS)
        expect(page.locator("#image")).to_be_hidden()
        train(page, "freeze-all")
        see_result(page)
        assert is_as_wide_as_the_screen(page)
        watch.check()


def test_a_zip_above_the_limit_is_refused_and_the_page_goes_on(
    browser: Browser, photos: Path, tmp_path: Path
) -> None:
    large = colour_zip(tmp_path / "large.zip", each=100)
    with (
        serve_page(tmp_path / "here", "--max-upload", "0.001") as served,
        browser.person(served, "generous") as (context, watch),
    ):
        page = opened(context.new_page(), served)
        expect(page.get_by_text("up to 0.001 GB")).to_be_visible()
        page.locator("#upload input[type=file]").set_input_files(large)
        expect(page.get_by_test_id("toast-body")).to_contain_text('allowed size of 976.6 Kb: "large.zip"')
        expect(page.locator("#data")).to_have_text("")
        look_at(page, photos)
        assert watch.strangers == []
