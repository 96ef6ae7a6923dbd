// Another purpose has other words and other filters: asks for the form anew, as the button beside it does without a script.
"use strict";

document.querySelector("[data-reword]")?.closest("form").elements.purpose.addEventListener("change", (event) => {
  event.target.form.requestSubmit(document.querySelector("[data-reword]"));
});
