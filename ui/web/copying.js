/* A press of a button with data-copy copies the lines beside it. What stands in .origin is the address that this browser
   knows the server by, and what has arrived with data-arrived is brought into view. */
(() => {
  const SHOWN_MS = 2000;

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // a page that came by plain http from another computer has no clipboard
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  document.addEventListener("click", async event => {
    const pressed = event.target.closest?.("[data-copy]");
    if (!pressed) return;
    const around = pressed.closest(".lines");
    await copy(around.querySelector("code").textContent);
    const before = pressed.textContent;
    pressed.textContent = around.querySelector("[role=status]").textContent = pressed.dataset.copied;
    pressed.focus();
    setTimeout(() => {
      if (pressed.textContent === pressed.dataset.copied) pressed.textContent = before;
      around.querySelector("[role=status]").textContent = "";
    }, SHOWN_MS);
  });

  new MutationObserver(() => {
    for (const each of document.querySelectorAll(".origin"))
      if (each.textContent !== location.origin) each.textContent = location.origin;
    for (const each of document.querySelectorAll("[data-arrived]")) {
      each.removeAttribute("data-arrived");
      each.scrollIntoView({ block: "nearest" });
      each.querySelector("[tabindex='-1']")?.focus({ preventScroll: true });
    }
  }).observe(document, { childList: true, subtree: true });
})();
