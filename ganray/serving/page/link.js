// A link to what is on the page: every control with data-link is a field of the address's hash.

import { $, tell } from "./service.js";

const controls = (view) => [...$(view).querySelectorAll("[data-link]")];

/** The hash that brings this view back. */
export function hashOf(view) {
  const fields = new URLSearchParams({ view });
  for (const control of controls(view)) {
    fields.set(control.dataset.link, control.type === "checkbox" ? Number(control.checked) : control.value);
  }
  return `#${fields}`;
}

/** Set the controls from the address; the view that it names. */
export function restore() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const view = fields.get("view");
  if (!["say", "vocode", "blind"].includes(view)) return null;
  for (const control of controls(view)) {
    const value = fields.get(control.dataset.link);
    if (value === null) continue;
    if (control.type === "checkbox") control.checked = value === "1";
    else if (control.tagName === "SELECT" && ![...control.options].some((option) => option.value === value)) {
      tell(`This service has no voice ${value}.`);
    } else control.value = control.maxLength > 0 ? value.slice(0, control.maxLength) : value;
    for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind));
  }
  return view;
}

/** Put this view into the address. */
export const keep = (view) => history.replaceState(null, "", hashOf(view));

/** Put the address into the clipboard; where a page may not (plain http from elsewhere), show it to be copied. */
export async function copy(view) {
  keep(view);
  try {
    await navigator.clipboard.writeText(location.href);
    tell("The link is in your clipboard.");
  } catch {
    tell(`The link: ${location.href}`);
  }
}
