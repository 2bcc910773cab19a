// What this service's voices can do is what the page offers.

import * as speaking from "./say.js";
import * as vocoding from "./vocode.js";
import { $, Refusal, ask, fail } from "./service.js";

async function begin() {
  const { data } = await (await ask("v1/models")).json();
  const of = (kind) => data.filter((model) => model.kind === kind);
  const [readers, vocoders] = [of("text"), of("mel")];
  if (!readers.length && !vocoders.length) throw new Refusal("This service has no voice that reads text or takes a recording.");
  if (readers.length) await speaking.offer(readers);
  if (vocoders.length) await vocoding.offer(vocoders);
  const url = (path) => new URL(path, location.href);
  $("command").textContent = readers.length
    ? `curl ${url("v1/audio/speech")} -H 'content-type: application/json' -d '{"model":"tts-1","voice":"default","input":"Hello."}' -o hello.mp3`
    : `curl -F file=@in.wav ${url("v1/audio/vocode")} -o out.wav`;
}

begin().catch(fail);
