// Whenever the engine has a new picture, the part of the page that changes is asked for again.
"use strict";
const away = document.getElementById("away");
const open = () => {
  const source = new EventSource("/pages/events");
  source.addEventListener("picture", () => {
    away.hidden = true;
    const live = document.getElementById("live");
    const busy = document.activeElement && document.activeElement.closest("#live form");
    if (live && live.hasAttribute("hx-get") && !document.hidden && !busy) htmx.trigger(live, "picture");
  });
  source.addEventListener("error", () => { away.hidden = false; });
};
open();
