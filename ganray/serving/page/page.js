// What this service's voices can do is what the page offers.

import * as blind from "./blind.js";
import * as link from "./link.js";
import * as saying from "./say.js";
import { $, Refusal, ask, fail } from "./service.js";
import { hushAll } from "./track.js";
import * as vocoding from "./vocode.js";

const VIEWS = ["say", "vocode", "blind"];
let offered = [];

async function begin() {
  const { data } = await (await ask("v1/models")).json();
  const of = (kind) => data.filter((model) => model.kind === kind);
  const [readers, vocoders] = [of("text"), of("mel")];
  if (!readers.length && !vocoders.length) throw new Refusal("This service has no voice that reads text or takes a recording.");
  if (readers.length) {
    await saying.offer(readers);
    blind.offer(readers);
  }
  if (vocoders.length) await vocoding.offer(vocoders);
  offered = [...(readers.length ? ["say", "blind"] : []), ...(vocoders.length ? ["vocode"] : [])];
  for (const view of VIEWS) $(`${view}-tab`).hidden = !offered.includes(view);
  goWhereTheAddressSays();
}

function goWhereTheAddressSays() {
  const view = link.restore();
  open(offered.includes(view) ? view : VIEWS.find((one) => offered.includes(one)));
}

/** Show one view; what another one plays falls silent. */
function open(view) {
  if (view !== shown()) {
    hushAll();
    blind.silence();
  }
  for (const one of VIEWS) {
    $(one).hidden = one !== view;
    $(`${one}-tab`).setAttribute("aria-selected", String(one === view));
    $(`${one}-tab`).tabIndex = one === view ? 0 : -1;
  }
  tellCommand(view);
}

const shown = () => VIEWS.find((view) => !$(view).hidden);

/** The same as a command, as it would be typed into a shell. */
function tellCommand(view) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const url = (path) => new URL(path, location.href).href.replace(location.hash, "");
  const key = sessionStorage.getItem("key") ? ` -H "authorization: Bearer $KEY"` : "";
  $("footer").hidden = view === "blind";
  $("command").textContent =
    view === "vocode"
      ? `curl ${url("v1/audio/vocode")}${key} -F file=@in.wav -F model=${$("voice").value} -o out.wav`
      : `curl ${url("v1/audio/speech")}${key} -H 'content-type: application/json' -d ${quoted(JSON.stringify(saying.request()))} -o out.mp3`;
}

function takeDropped(files) {
  if (!files.length || !offered.length) return;
  if (!offered.includes("vocode")) {
    fail(new Refusal("No voice of this service makes recordings anew: it takes one of kind mel, and these read text."));
    return;
  }
  open("vocode");
  vocoding.take(files[0]);
}

VIEWS.forEach((view) => {
  const tab = $(`${view}-tab`);
  tab.addEventListener("click", () => {
    open(view);
    link.keep(view);
  });
  tab.addEventListener("keydown", (event) => {
    const there = VIEWS.filter((one) => offered.includes(one));
    const at = there.indexOf(view);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: there.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const other = $(`${there[(to + there.length) % there.length]}-tab`);
    other.focus();
    other.click();
  });
});

for (const slider of document.querySelectorAll("input[type=range]")) {
  const unit = slider.id.endsWith("speed") ? "×" : " semitones";
  const show = () => {
    const value = `${Number(slider.value) > 0 && unit !== "×" ? "+" : ""}${slider.value}${unit}`;
    document.querySelector(`output[for=${slider.id}]`).textContent = value;
    slider.setAttribute("aria-valuetext", value);
  };
  slider.addEventListener("input", show);
  show();
}
document.addEventListener("change", (event) => {
  if (!event.target.dataset?.link || !shown()) return;
  link.keep(shown());
  tellCommand(shown());
});
document.addEventListener("click", () => shown() && tellCommand(shown()));
window.addEventListener("hashchange", goWhereTheAddressSays);
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") takeDropped(event.dataTransfer.files);
  });
}

begin().catch(fail);
