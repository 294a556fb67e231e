"""Which language the page is served in: what the browser prefers, until the user has chosen. Pure ASGI.

The English page lies at ``/`` and the Chinese one at ``/zh/``; both show the same projects.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from markupsafe import Markup
from starlette.responses import RedirectResponse

from finetune.advice.language import Language
from finetune.service.guard import App, Message, Receive, Send
from finetune.words import speaking
from ui.web.words import spoken

CHINESE = "/zh"
"""Where the Chinese page lies."""
CHOOSING = "/language/"
"""What follows is the language that the user chooses."""
COOKIE = "finetune-language"
KEPT_S = 365 * 86_400
PLACES: dict[Language, str] = {"en": "/", "zh": f"{CHINESE}/"}
NAMES: dict[Language, str] = {"en": "English", "zh": "中文"}
OF_GRADIO: dict[Language, dict[str, str]] = {
    "en": {"common.upload": "Upload"},
    "zh": {"common.upload": "上传", "common.clear": "清除"},
}
"""Words of Gradio's own components that it lacks, so that it would show their key, or says in English."""


class Languages:
    """Wraps the whole application: keeps what the user chooses, and sends to the page in that language."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer what concerns the language; pass all else on."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        chosen = path.removeprefix(CHOOSING) if path.startswith(CHOOSING) else ""
        if chosen in PLACES:
            answer = RedirectResponse(PLACES[chosen], status_code=303)
            answer.set_cookie(COOKIE, chosen, max_age=KEPT_S, httponly=True, samesite="lax")
            await answer(scope, receive, send)
        elif path == CHINESE or (path == "/" and preferred(headers) == "zh"):
            await RedirectResponse(PLACES["zh"], status_code=307)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def preferred(headers: dict[bytes, str]) -> Language:
    """Return the language of a request with these headers: the one chosen before, else the browser's."""
    try:
        chosen = SimpleCookie(headers.get(b"cookie", "")).get(COOKIE)
    except CookieError:
        chosen = None
    if chosen is not None and chosen.value in PLACES:
        return "zh" if chosen.value == "zh" else "en"
    return accepted(headers.get(b"accept-language", ""))


def accepted(header: str) -> Language:
    """Return the better liked of both languages by an Accept-Language header (RFC 9110); English where neither is."""
    likes: dict[str, float] = {"en": 0.0, "zh": 0.0}
    for part in header.split(","):
        tag, _, weight = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            liked = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if name in likes:
            likes[name] = max(likes[name], liked)
    return "zh" if likes["zh"] > likes["en"] else "en"


def switch_html(spoken: Language) -> Markup:
    """Return the link to the page in the other language."""
    other: Language = "en" if spoken == "zh" else "zh"
    link = Markup('<a class="language" href="{}{}" lang="{}" hreflang="{}">{}</a>')
    return link.format(CHOOSING, other, other, other, NAMES[other])


def speaking_head(spoken: Language) -> str:
    """Return what the page's head holds: which language it is in, also for Gradio's own words.

    Gradio always says that its page is English, and takes the language of its own words from the browser.
    """
    tag = "zh-CN" if spoken == "zh" else "en"
    return (
        f"<script>document.documentElement.lang = '{tag}';"
        f"for (const [name, value] of [['language', '{tag}'], ['languages', ['{tag}']]])"
        "Object.defineProperty(navigator, name, {get: () => value});</script>"
    )


def said_at(scope: Message, sentence: str) -> str:
    """Return an error's sentence in the language of the page that a request comes from."""
    with speaking("zh" if scope.get("path", "").startswith(f"{CHINESE}/") else "en"):
        return spoken(sentence)


def gradio_words(spoken: Language) -> dict[str, dict[str, str]]:
    """Return `OF_GRADIO` as Gradio takes it: some of its components ask for English whatever the page speaks."""
    return {"en": OF_GRADIO[spoken], "zh-CN": OF_GRADIO[spoken]}


def below(scope: Message) -> str:
    """Return a request's path as the page in English has it."""
    path: str = scope.get("path", "")
    return path.removeprefix(CHINESE) if path.startswith(f"{CHINESE}/") else path
