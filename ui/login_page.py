"""The page on which people sign in: one plain form, in the language of the browser, that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from finetune.advice.language import Language
from ui.languages import NAMES

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Sign in", "登录"),
    "of": ("Fine-tune an image classifier", "微调图像分类器"),
    "name": ("Name", "用户名"),
    "password": ("Password", "密码"),
    "button": ("Sign in", "登录"),
    "lost": (
        "No account, or the password is lost? Whoever runs this server can make one: <code>finetune user</code>.",
        "没有账户，或忘记了密码？运行此服务器的人可以为您设置：<code>finetune user</code>。",
    ),
    "wrong": (
        "The name or the password is wrong; check both and try again.",
        "用户名或密码错误；请检查后重试。",
    ),
    "many": (
        "There were too many wrong attempts; try again in {}.",
        "错误次数过多；请在{}后重试。",
    ),
    "large": (
        "The form is larger than can be; send a name and a password.",
        "表单过大；请只发送用户名和密码。",
    ),
    "out": ("You are signed out.", "您已退出登录。"),
}
"""English and Chinese."""
_PAGE = Markup("""<!doctype html>
<html lang="{tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · {of}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<h1>{of}</h1>
<form method="post" action="/login">
<h2>{title}</h2>
{told}
<label for="name">{name}</label>
<input id="name" name="name" type="text" autocomplete="username" autocapitalize="none" autocorrect="off"
 spellcheck="false" required maxlength="100" value="{given}"{focus_name}{wrong}>
<label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="500"{focus_password}{wrong}>
<button type="submit">{button}</button>
</form>
<p class="quiet">{lost}</p>
<nav><a href="/login?lang={other}" lang="{other}" hreflang="{other}">{other_name}</a></nav>
</main>
{script}
</body>
</html>
""")
_STYLE = Markup("""
:root { --paper: #fff; --ink: #1a1a1a; --quiet: #555; --line: #767676; --main: #0072B2; --marked: #B84300; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17181a; --ink: #eee; --quiet: #b5b5b5; --line: #8a8a8a; --main: #0072B2; --marked: #F0883E; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 24rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 1.5rem; }
h2 { font-size: 1.15rem; margin: 0; }
form { border: 1px solid var(--line); border-radius: 8px; padding: 1.2rem; display: grid; gap: 0.5rem; }
label { margin-top: 0.5rem; font-weight: 600; }
input { font: inherit; width: 100%; padding: 0.6rem; border: 1px solid var(--line); border-radius: 4px;
  background: var(--paper); color: var(--ink); }
button { font: inherit; font-weight: 600; margin-top: 1rem; padding: 0.7rem; border: 0; border-radius: 4px;
  background: var(--main); color: #fff; cursor: pointer; }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
.told { margin: 0; padding: 0.5rem 0.7rem; border-left: 4px solid var(--main); overflow-wrap: anywhere; }
.told.error { border-color: var(--marked); }
.quiet { color: var(--quiet); font-size: 0.9rem; }
a { color: inherit; }
""")
_FORGET = Markup("""<script>
// The next person at this browser begins with nothing of the last one's.
for (const key of Object.keys(localStorage)) if (key.startsWith("finetune-")) localStorage.removeItem(key);
</script>""")


def login_html(language: Language, *, told: str = "", given: str = "", error: bool = True) -> Markup:
    """Return the page; ``told`` is a sentence above the form, ``given`` the name that was typed before.

    With ``error`` False the sentence is that somebody has signed out, and what the browser kept of them goes.
    """
    at = 1 if language == "zh" else 0
    words = {key: Markup(both[at]) for key, both in WORDS.items()}
    other: Language = "en" if language == "zh" else "zh"
    is_wrong = bool(told) and error
    sentence = Markup('<p id="told" class="told{}" role="{}">{}</p>').format(
        " error" if error else "", "alert" if error else "status", told
    )
    focus = Markup(" autofocus")
    return _PAGE.format(
        tag="zh-CN" if language == "zh" else "en",
        style=_STYLE,
        told=sentence if told else "",
        given=given,
        wrong=Markup(' aria-invalid="true" aria-describedby="told"') if is_wrong else "",
        focus_name="" if given else focus,
        focus_password=focus if given else "",
        other=other,
        other_name=NAMES[other],
        script="" if error else _FORGET,
        **{key: words[key] for key in ("title", "of", "name", "password", "button", "lost")},
    )


def said(key: str, language: Language, wait_s: float = 0.0) -> str:
    """Return a sentence of `WORDS`; the time to wait is put in where it has a place for it."""
    return WORDS[key][1 if language == "zh" else 0].format(_time(wait_s, language))


def _time(seconds: float, language: Language) -> str:
    if seconds > 90:
        minutes = -(-int(seconds) // 60)
        return f" {minutes} 分钟" if language == "zh" else f"{minutes} minutes"
    return f" {int(seconds) + 1} 秒" if language == "zh" else f"{int(seconds) + 1} seconds"
