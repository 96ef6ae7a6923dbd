// The review page by keyboard, without a reload between two decisions; without this script every press posts its form.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const told = document.getElementById("told");
  const cards = () => [...document.querySelectorAll("[data-proposal]")];
  if (!told || !cards().length) return;
  let current = null;

  function choose(card) {
    current?.classList.remove("desk-current");
    current = card ?? null;
    if (!current) return;
    current.classList.add("desk-current");
    current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const all = cards();
    const at = all.indexOf(current);
    choose(all[Math.min(Math.max(at + by, 0), all.length - 1)]);
  }

  function takeAway(gone) {
    const all = cards();
    const next = all.slice(all.indexOf(current) + 1).find((card) => !gone.includes(card.dataset.proposal));
    for (const card of all) if (gone.includes(card.dataset.proposal)) card.remove();
    if (!cards().length) location.reload();
    else choose(next ?? cards().at(-1));
  }

  async function decide(form, button) {
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body: new FormData(form, button) });
    if (!answer.ok) throw new Error(answer.status);
    const news = await answer.json();
    told.textContent = news.told;
    for (const count of document.querySelectorAll("[data-waiting]")) count.textContent = news.waiting[count.dataset.waiting] ?? 0;
    // What has changed meanwhile is drawn anew by the server.
    if (news.stale) location.reload();
    else takeAway(news.gone.map(String));
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-review]")) return;
    event.preventDefault();
    const { target: form, submitter: button } = event;
    const card = form.closest("[data-proposal]");
    if (card.dataset.busy) return;
    card.dataset.busy = "1";
    choose(card);
    decide(form, button).catch(() => { told.textContent = "That did not reach the server. Try again."; }).finally(() => { delete card.dataset.busy; });
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
      if (event.key === "Escape") choose(event.target.closest("[data-proposal]"));
      return;
    }
    const isTicked = document.querySelector("[form=ticked]:checked") !== null;
    const asked = (name) => isTicked ? document.querySelector(`button[form=ticked][value=${name}]`) : current?.querySelector(`[name=decision][value=${name}]`);
    const press = (name) => asked(name)?.click();
    const act = {
      j: () => step(current ? 1 : 0),
      k: () => step(-1),
      a: () => press("accept"),
      r: () => press("reject"),
      x: () => current?.querySelector("[type=checkbox]")?.click(),
      c: () => {
        const details = current?.querySelector(".desk-correct");
        if (!details) return;
        details.open = true;
        details.querySelector("input:not([type=hidden]), textarea, select").focus();
      },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  choose(cards()[0]);
});
