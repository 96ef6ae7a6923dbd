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

  // What somebody has unfolded or is typing into is left alone until they are done.
  const isInUse = (part) => part.querySelector("details[open], :focus:is(input, select, textarea)") !== null;

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
        let isLate = false;
        for (const [name, html] of Object.entries(news.parts)) {
          if (shown.get(name) === html) continue;
          const part = document.querySelector(`[data-part="${name}"]`);
          if (isInUse(part)) {
            isLate = true;
            continue;
          }
          shown.set(name, html);
          // Rendered and escaped by the same templates as the page itself.
          part.innerHTML = html;
        }
        again = news.look_again_in || (isLate ? 5 : 0);
      }
    } catch {
      // The server is away or the session has ended: try again.
    }
    if (again) setTimeout(look, again * 1000);
  }

  look();
});
