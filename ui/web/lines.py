"""Lines to copy that ask a classifier from elsewhere, each with a button that copies it, as HTML."""

from __future__ import annotations

import json
import shlex

from markupsafe import Markup

from finetune.page.markup import join, paragraph, section
from finetune.service.service import Asks
from finetune.words import noted, t

PASSWORD, TOKEN = "FINETUNE_PASSWORD", "FINETUNE_TOKEN"
"""Variables that the lines take a secret from, so that none stands in them."""
WHO_CAN_ASK = {
    "nothing": noted("Whoever has this address can ask."),
    "login": noted(
        "Only you can ask, by your password. cookies.txt stands for it: let nobody else read that file, and delete "
        "it when you are done."
    ),
    "token": noted("Only you can ask, by your token."),
}


def lines_html(address: str, path: str, run: str, *, asks: Asks = "nothing", user: str = "") -> Markup:
    """Return lines to copy that ask the classifier: at ``path`` of the server at ``address``; ``run`` is its folder.

    ``asks`` is what the page asks for, where it is a login that of ``user``. The page's script puts the address in
    the place of ``address`` that the browser knows the server by.
    """
    origin = Markup('<span class="origin">{}</span>').format(address)
    answer = t(
        "The answer is JSON: the label, its probability, the likeliest labels under top, and known, which is "
        "false for an image unlike those that it was trained on."
    )
    return section(
        t("Ask it from elsewhere"),
        _secret(asks),
        paragraph(
            t("While this page is open on the server, with an image of yours in the place of cat.jpg:")
        ),
        code_html(_curl(origin, path, asks, user), t("curl")),
        code_html(_python(origin, path, asks, user), "Python"),
        paragraph(t("Without the page, on this computer:")),
        code_html(Markup("finetune predict {} cat.jpg").format(shlex.quote(run)), t("command line")),
        paragraph(t("{} {}").format(answer, t(WHO_CAN_ASK[asks])), quiet=True),
    )


def _secret(asks: Asks) -> Markup:
    """Return how the password or token comes into its variable without standing anywhere."""
    if asks == "nothing":
        return Markup()
    if asks == "login":
        name, told = (
            PASSWORD,
            t("First type your password, which is not shown, into a variable of bash or zsh:"),
        )
    else:
        name, told = TOKEN, t("First paste your token, which is not shown, into a variable of bash or zsh:")
    what = t("password") if asks == "login" else t("token")
    return join(paragraph(told), code_html(Markup("read -rs {0} && export {0}").format(name), what))


def _curl(origin: Markup, path: str, asks: Asks, user: str) -> Markup:
    asking = Markup("-F image=@cat.jpg {}{}").format(origin, path)
    if asks == "nothing":
        return Markup("curl {}").format(asking)
    if asks == "token":
        return Markup('curl -H "Authorization: Bearer ${}" {}').format(TOKEN, asking)
    # The password goes by the standard input: others on this computer can read a program's arguments.
    return Markup(
        'printf %s "${}" | curl -fsS -c cookies.txt --data-urlencode {} --data-urlencode password@- {}/login\n'
        "curl -b cookies.txt {}"
    ).format(PASSWORD, shlex.quote(f"name={user}"), origin, asking)


def _python(origin: Markup, path: str, asks: Asks, user: str) -> Markup:
    last = Markup('print(answer["label"], answer["probability"])')
    if asks == "login":
        return Markup(
            'import os\n\nimport httpx\n\npassword = os.environ["{}"]\n'
            'with httpx.Client(base_url="{}", timeout=60) as client, open("cat.jpg", "rb") as image:\n'
            '    client.post("/login", data={{"name": {}, "password": password}})\n'
            '    answer = client.post("{}", files={{"image": image}}).raise_for_status().json()\n{}'
        ).format(PASSWORD, origin, json.dumps(user, ensure_ascii=False), path, last)
    if asks == "token":
        start = Markup(
            'import os\n\nimport httpx\n\nheaders = {{"Authorization": f"Bearer {{os.environ[\'{}\']}}"}}\n'
        ).format(TOKEN)
        given = ", headers=headers"
    else:
        start, given = Markup("import httpx\n\n"), ""
    return Markup(
        '{}url = "{}{}"\nwith open("cat.jpg", "rb") as image:\n'
        '    answer = httpx.post(url, files={{"image": image}}{}, timeout=60).json()\n{}'
    ).format(start, origin, path, given, last)


def code_html(lines: Markup, what: str) -> Markup:
    """Return ``lines`` of ``what`` with a button that copies them."""
    return Markup(
        '<div class="lines"><pre tabindex="0" role="region" aria-label="{0}"><code>{1}</code></pre>'
        '<button type="button" class="press" data-copy data-copied="{2}" aria-label="{3}">{4}</button>'
        '<span class="sr-only" role="status"></span></div>'
    ).format(what, lines, t("Copied"), t("Copy {}").format(what), t("Copy"))
