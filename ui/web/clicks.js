/* A press of anything with data-click="WHAT:VALUE" goes to the hidden text #clicked-WHAT, whose change asks the
   server; a count before the value makes the same button twice a change. The answer may draw the pressed button anew:
   the keyboard then stays on it, or goes to its neighbour. With data-choice the value of the selection beside the
   button, and a colon, come first. What was folded open, by its id, stays open when it is drawn anew. A selection
   with data-list="ID" is filled in from that template when it is first wanted. */
(() => {
  const QUIET_MS = 5000;
  let last = null;
  let count = 0;

  document.addEventListener("click", event => {
    const pressed = event.target.closest?.("[data-click]");
    if (!pressed || pressed.disabled) return;
    const [what, ...value] = pressed.dataset.click.split(":");
    const text = document.querySelector(`#clicked-${CSS.escape(what)} :is(input, textarea)`);
    if (!text) return;
    const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(text), "value").set;
    const choice = "choice" in pressed.dataset ? `${pressed.parentElement.querySelector("select").value}:` : "";
    set.call(text, `${(count += 1)}:${choice}${value.join(":")}`);
    text.dispatchEvent(new InputEvent("input", { bubbles: true }));
    const all = [...document.querySelectorAll("[data-click]")];
    const place = all.indexOf(pressed);
    last = {
      pressed,
      until: Date.now() + QUIET_MS,
      clicks: [pressed, ...all.slice(place + 1), ...all.slice(0, place).reverse()].map(each => each.dataset.click),
    };
  });

  for (const kind of ["pointerdown", "focusin"]) document.addEventListener(kind, event => {
    const select = event.target.closest?.("select[data-list]");
    const list = select && select.options.length === 1 && document.getElementById(select.dataset.list);
    if (list) select.append(list.content.cloneNode(true));
  }, true);

  const open = new Set();
  document.addEventListener("toggle", event => {
    const fold = event.target;
    if (!fold.id || !fold.isConnected || fold.tagName !== "DETAILS") return;
    fold.open ? open.add(fold.id) : open.delete(fold.id);
  }, true);

  function hold() {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (!last || last.pressed.isConnected) return;
    if (Date.now() < last.until && document.activeElement === document.body) {
      const now = new Map([...document.querySelectorAll("[data-click]")].map(each => [each.dataset.click, each]));
      const next = last.clicks.find(click => now.has(click));
      if (next) now.get(next).focus({ preventScroll: true });
    }
    last = null;
  }
  new MutationObserver(hold).observe(document, { childList: true, subtree: true });
})();
