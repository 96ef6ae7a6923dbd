// Keeps the parts of a page fresh: asks the address in data-live and swaps in what changed, until the server says to stop.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("[data-live]");
  if (!page) return;
  const shown = new Map();

  // A reload must not overtake the person who has just followed a link; one that leads to a download leaves the page here.
  let leaving = false;
  addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => { leaving = false; }, 3000);
  });

  async function look() {
    let again = 5;
    try {
      const answer = await fetch(page.dataset.live, { headers: { Accept: "application/json" }, redirect: "error" });
      if (answer.status === 404 || answer.status === 403) return;
      if (answer.ok) {
        const news = await answer.json();
        if (news.state !== page.dataset.state && !leaving) {
          // Another state has other buttons and charts.
          location.reload();
          return;
        }
        for (const [name, html] of Object.entries(news.parts)) {
          if (shown.get(name) === html) continue;
          shown.set(name, html);
          // Rendered and escaped by the same templates as the page itself.
          document.querySelector(`[data-part="${name}"]`).innerHTML = html;
        }
        again = news.look_again_in;
      }
    } catch {
      // The server is away or the session has ended: try again.
    }
    if (again) setTimeout(look, again * 1000);
  }

  look();
});
