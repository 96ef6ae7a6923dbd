// Closes the photo that lies over the page with Escape, and turns to the next and the last with the arrow keys.
"use strict";

const FOLLOWS = { Escape: 'a[href="#photos"]', ArrowLeft: 'a[rel="prev"]', ArrowRight: 'a[rel="next"]' };

document.addEventListener("keydown", (event) => {
  const shown = document.querySelector(".desk-lightbox:target");
  if (!shown || !FOLLOWS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  // Within a field the arrows move the cursor.
  if (event.key !== "Escape" && event.target.closest("input, textarea, select")) return;
  const link = shown.querySelector(FOLLOWS[event.key]);
  if (!link) return;
  event.preventDefault();
  link.click();
});
