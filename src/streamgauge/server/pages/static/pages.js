// Whenever the engine has a new picture, the part of the page that changes is asked for again.
// What people do goes to the API as JSON; what it says stands on top, and the page is asked for again.
"use strict";
const LISTS = new Set(["matchers"]);
htmx.defineExtension("json", {
  onEvent: (name, event) => {
    if (name === "htmx:configRequest") event.detail.headers["Content-Type"] = "application/json";
    return true;
  },
  encodeParameters: (xhr, parameters) => {
    xhr.overrideMimeType("text/json");
    const body = {};
    parameters.forEach((value, name) => {
      if (value === "") return;
      if (LISTS.has(name)) (body[name] = body[name] || []).push(value);
      else body[name] = value;
    });
    return JSON.stringify(body);
  },
});

const away = document.getElementById("away");
const fresh = () => {
  const live = document.getElementById("live");
  if (live && live.hasAttribute("hx-get")) htmx.trigger(live, "picture");
};

const sentence = (xhr) => {
  try { return JSON.parse(xhr.responseText).error || xhr.statusText; } catch { return xhr.statusText || "No answer"; }
};
const told = (xhr) => {
  try { return JSON.parse(xhr.responseText).told || "Done."; } catch { return "Done."; }
};
document.body.addEventListener("htmx:afterRequest", (event) => {
  const { requestConfig, successful, xhr, elt } = event.detail;
  if (requestConfig.verb === "get") return;
  const said = document.getElementById("said");
  said.textContent = successful ? told(xhr) : sentence(xhr);
  said.className = successful ? "good" : "trouble";
  if (!successful) return;
  const form = elt.closest("form");
  if (form && form.hasAttribute("data-keep")) { said.textContent = ""; return; }
  if (form) form.reset();
  if (document.activeElement) document.activeElement.blur();
  fresh();
});

// What somebody fills in is left alone, also by an answer that was on its way when they began.
const writes = () => document.activeElement && document.activeElement.closest("#live form");
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target && event.detail.target.id === "live" && writes()) event.detail.shouldSwap = false;
});

const source = new EventSource("/pages/events");
source.addEventListener("picture", () => {
  away.hidden = true;
  if (!document.hidden && !writes()) fresh();
});
source.addEventListener("error", () => { away.hidden = false; });
