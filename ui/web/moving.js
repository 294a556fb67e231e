/* Who goes on to another tab begins at its top, and who starts a training sees how far it is: on the tab Train it
   stands below the options, where nobody looks. */
(() => {
  const PATIENCE_MS = 15000;

  function bring(what) {
    const until = Date.now() + PATIENCE_MS;
    const seen = new MutationObserver(() => {
      const found = document.querySelector(what);
      if (found) found.scrollIntoView({ block: "center" });
      if (found || Date.now() > until) seen.disconnect();
    });
    seen.observe(document, { childList: true, subtree: true });
  }

  document.addEventListener("click", event => {
    if (event.target.closest?.("#go-to-train, #go-to-results")) window.scrollTo({ top: 0 });
    if (event.target.closest?.("#train, #resume")) bring("#training .progress");
  });
})();
