"""The line that says who is signed in, with the way out."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from finetune.service.api.signed_in import LOGIN, LOGOUT

SIGNED_IN = Markup(
    '<form class="signed-in" method="post" action="{}"><span>{}</span> <button type="submit">{}</button></form>'
)
HEAD = f"""<script>
// Whoever is signed out elsewhere is led to the login: no event would be answered any more.
const asked = window.fetch;
window.fetch = async (...given) => {{
  const answer = await asked(...given);
  const own = new URL(answer.url || location.href, location.href).origin === location.origin;
  if (own && answer.status === 401) location.assign("{LOGIN}");
  return answer;
}};
</script>
<style>
.signed-in {{ display: flex; flex-wrap: wrap; gap: 0.2rem 0.8rem; justify-content: flex-end; align-items: center;
  font-size: 0.9rem; overflow-wrap: anywhere; }}
.signed-in button {{ text-decoration: underline !important; cursor: pointer; padding: 0.3rem !important;
  border: none !important; background: none !important; font: inherit !important; }}
</style>"""
"""What the page's head holds where people sign in."""
WORDS = {"en": ("Signed in as {}", "Sign out"), "zh": ("已登录：{}", "退出登录")}


def signed_in_html(name: str, language: str) -> str:
    """Return the line for the user called ``name``."""
    as_whom, out = WORDS[language]
    return str(SIGNED_IN.format(LOGOUT, as_whom.format(name), out))


def add_signed_in(blocks: gr.Blocks, language: str = "en") -> None:
    """Add the line to the page that is being made; it is filled in when the page is opened."""
    line = gr.HTML(elem_id="signed-in")

    def fill(request: gr.Request) -> str:
        return signed_in_html(request.username or "", language)

    blocks.load(fill, [], [line], queue=False, show_progress="hidden", api_visibility="private")
