// Copies a text that stands beside a button: <button data-copy="id of the element that holds it">.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const words = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(words.textContent.trim());
    button.textContent = "Copied";
  } catch {
    // Without a secure address there is no clipboard: leave it selected, ready to be copied by hand.
    getSelection().selectAllChildren(words);
  }
});
