"""The page in a real browser: what is typed is heard as it streams, scrubbed, saved, shared and judged blind."""

import io
import json
import wave

import numpy as np
import pytest
from scipy.stats import binomtest

from ganray.config.serve import AccessConfig
from ganray.serving import keys

from .browser import PROGRAM, Browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
SAY = "#say-form button[type=submit]"
READY = "document.getElementById('speaker')?.options.length && !document.getElementById('file').disabled"
SAID = "!document.getElementById('said-download').disabled"
COLOURS = """(canvas) => {
  const points = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(points.buffer)).size;
}"""
DROP = """((name, bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
})"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("browser") / "profile")
    yield opened
    opened.close()


@pytest.fixture
def page(browser, endpoint):
    browser.complaints.clear()
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait(READY)
    yield browser
    browser.run("sessionStorage.clear()")


def put(page, identity: str, value: object) -> None:
    """A control's value, as if a person had set it."""
    page.run(
        f"(() => {{ const control = document.getElementById({identity!r}); control.value = {json.dumps(value)};"
        "for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind, {bubbles: true})); })()"
    )


def text_of(page, identity: str) -> str:
    return page.run(f"document.getElementById({identity!r}).textContent")


def test_what_is_typed_is_said_heard_and_drawn(page, endpoint):
    put(page, "text", "one two three")
    put(page, "pitch", 12)
    page.click(SAY)
    page.wait(SAID)
    facts = page.run("document.querySelector('#said-track .facts').innerText")
    assert "0.6 s" in facts  # 3 words of 20 frames
    assert "Gaps\nnone" in facts
    assert endpoint.service.asked[-1]["text"] == "one two three"
    assert endpoint.service.asked[-1]["pitch"] == 12
    assert page.run(f"({COLOURS})(document.querySelector('#said-track .spectrum'))") > 50
    assert page.run(f"({COLOURS})(document.querySelector('#said-track .wave'))") > 1
    page.wait("document.querySelector('#said-track audio').duration > 0.6")
    assert page.complaints == []


def test_it_is_heard_and_drawn_while_the_rest_is_still_made(page, endpoint):
    endpoint.service.pause_s = 0.3
    put(page, "text", "one two three four five six")
    page.click(SAY)
    first = page.wait("/First sound\\n(\\d+) ms/.exec(document.querySelector('#said-track .facts').innerText)?.[1]")
    assert len(endpoint.service.made) < 6
    assert page.run(SAID) is False
    assert int(first) >= 300
    page.wait("document.querySelector('#said-track .picture').ariaValueNow > 0")  # the line follows what is heard
    assert page.run(f"({COLOURS})(document.querySelector('#said-track .spectrum'))") > 20
    page.wait(SAID)
    assert "Gaps\nnone" not in page.run("document.querySelector('#said-track .facts').innerText")  # slower than speech


def test_it_is_stopped_by_escape_and_no_more_is_made(page, endpoint):
    endpoint.service.pause_s = 0.3
    put(page, "text", "word " * 40)
    page.click(SAY)
    page.wait("document.querySelector('#said-track .facts dd')?.textContent")
    page.press("Escape")
    assert "Stopped" in text_of(page, "status")
    assert page.run("document.getElementById('hush').hidden")
    page.run("new Promise((resolve) => setTimeout(resolve, 800))")
    made = len(endpoint.service.made)
    page.run("new Promise((resolve) => setTimeout(resolve, 700))")
    assert len(endpoint.service.made) == made < 40


def test_it_can_be_scrubbed_with_the_mouse_and_with_keys(page):
    put(page, "text", "word " * 10)  # 2.13 s
    page.click(SAY)
    page.wait(SAID)
    page.wait("document.querySelector('#said-track audio').readyState >= 1")
    page.press("Escape")
    audio = "document.querySelector('#said-track audio')"
    page.run("document.querySelector('#said-track .picture').focus()")
    page.press("Home")
    page.press(" ")
    page.press(" ")
    page.wait(f"{audio}.paused")
    page.click("#said-track .picture", across=0.75)
    assert page.run(f"{audio}.currentTime") == pytest.approx(0.75 * 2.133, abs=0.05)
    page.press("ArrowLeft")
    assert page.run(f"{audio}.currentTime") == pytest.approx(0.75 * 2.133 - 0.5, abs=0.05)
    page.press("Home")
    told = "document.querySelector('#said-track .picture').ariaValueText"
    page.wait(f"{told} === '0.0 s of 2.1 s'")


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_what_was_said_is_saved_as_it_was_asked_for(page, kind):
    put(page, "text", "one two three")
    page.click(SAY)
    page.wait(SAID)
    put(page, "said-format", kind)
    page.click("#said-download")
    content = page.saved(f"reader.{kind}").read_bytes()
    if kind == "mp3":
        assert content[:3] == b"ID3" or content[0] == 0xFF
        return
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (24_000, 1, 3 * 20 * 256)
        got = np.frombuffer(file.readframes(256), "<i2") / 32767
    assert np.abs(got - 0.5 * np.sin(np.arange(256) * 0.05)).max() < 1e-4


def test_a_link_brings_everything_back(page, endpoint):
    put(page, "text", "What's “this” & that? ünï #1 = 100 %")
    put(page, "speed", 1.25)
    put(page, "pitch", -3)
    page.click("#share")
    link = page.wait("location.hash && location.href")
    page.open("about:blank")
    page.open(link)
    page.wait(READY)
    page.wait("document.getElementById('text').value.startsWith('What')")
    page.click(SAY)
    page.wait(SAID)
    asked = endpoint.service.asked[-1]
    assert (asked["text"], asked["speed"], asked["pitch"]) == ("What's “this” & that? ünï #1 = 100 %", 1.25, -3)


def test_a_link_with_nonsense_harms_nothing(page, endpoint):
    page.open("about:blank")
    page.open(f"{endpoint.url}/#view=say&voice=<img+src=x>&speed=1e9&pitch=x&text={'a' * 5000}&__proto__=1")
    page.wait(READY)
    assert page.wait("document.getElementById('text').value.length") == 4096
    assert page.run("document.getElementById('speed').value") == "2"
    assert "no voice <img" in text_of(page, "status")
    assert page.complaints == []


def test_a_dropped_recording_is_made_anew(page, endpoint, wav):
    page.run(f"{DROP}('vowel.wav', {list(wav)})")
    page.wait("!document.getElementById('download').disabled")
    assert not page.run("document.getElementById('vocode').hidden")
    for side in ("before", "after"):
        assert page.run(f"({COLOURS})(document.querySelector('#{side} .spectrum'))") > 50
        page.wait(f"Math.abs(document.querySelector('#{side} audio').duration - 1.5) < 0.02")
    assert page.complaints == []


def test_what_goes_wrong_is_told_in_words(page, endpoint, wav):
    put(page, "text", " . ")
    page.click(SAY)
    assert "nothing to say" in page.wait("document.getElementById('error').textContent")
    page.run(f"{DROP}('noise.wav', {list(wav[:2000])}.map(() => 7))")
    assert page.wait("document.getElementById('error').textContent.includes('audio')")
    assert page.run("document.getElementById('stop').hidden")


def test_a_sound_that_breaks_off_is_told(page, endpoint):
    endpoint.service.error, endpoint.service.error_at = RuntimeError("gone"), 2
    put(page, "text", "one two three four")
    page.click(SAY)
    assert "broke off" in page.wait("document.getElementById('error').textContent")
    assert page.run("document.getElementById('hush').hidden")


def test_both_kinds_of_voices_are_offered_to_what_they_can_do(page):
    options = "[...document.getElementById('{}').options].map((option) => option.value).join()"
    assert page.run(options.format("speaker")) == "reader"
    assert page.run(options.format("voice")) == "polly"
    assert text_of(page, "command").startswith("curl http")


def judge(page, rounds: int, votes: list[str]) -> None:
    """Hear both and vote, by keys alone."""
    for number, vote in enumerate(votes):
        page.wait(f"document.getElementById('trial-title').textContent.startsWith('Round {number + 1} of {rounds}')")
        page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
        for key in ("a", "b", vote):
            page.press(key)


def test_two_are_judged_blind_by_keys_and_told_at_the_end(page, endpoint):
    page.click("#blind-tab")
    put(page, "sentences", "one two\nthree")
    put(page, "rounds", 6)
    put(page, "other-pitch", 7)
    page.click("#blind-form button[type=submit]")
    page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
    page.press("ArrowLeft")
    assert "Hear both" in text_of(page, "status"), "nobody votes unheard"
    shown = page.run("document.getElementById('trial').innerText")
    assert "reader" not in shown, "no name before the end"
    assert "pitch" not in shown
    votes = ["ArrowLeft", "ArrowRight", "=", "ArrowLeft", "ArrowLeft", "ArrowRight"]
    judge(page, 6, votes)
    page.wait("!document.getElementById('tally').hidden")
    page.click("#tally-save")
    told = json.loads(page.saved("blind-test.json").read_text())
    assert {(asked["text"], asked["pitch"]) for asked in endpoint.service.asked} == {
        (text, pitch) for text in ("one two", "three") for pitch in (0, 7)
    }
    assert len(endpoint.service.asked) == 4, "what has been made is not asked for twice"
    assert [trial["vote"] for trial in told["trials"]] == ["a", "b", "equal", "a", "a", "b"]
    assert [trial["sentence"] for trial in told["trials"]] == ["one two", "three"] * 3
    assert sorted(trial["a"] for trial in told["trials"]) == ["one"] * 3 + ["other"] * 3, "each is A as often"
    for trial in told["trials"]:
        assert {trial["a"], trial["b"]} == {"one", "other"}
        assert trial["preferred"] == trial.get(trial["vote"], "equal")
        assert trial["plays"] == {"a": 1, "b": 1}
    assert told["candidates"]["other"]["pitch"] == 7
    counts = {name: sum(trial["preferred"] == name for trial in told["trials"]) for name in ("one", "other", "equal")}
    assert {name: told["tally"][name] for name in counts} == counts
    rows = page.run("[...document.querySelectorAll('#counts tr')].map((row) => row.innerText.split('\\t'))")
    assert [row[:2] for row in rows] == [
        ["reader", str(counts["one"])],
        ["reader, pitch +7", str(counts["other"])],
        ["no difference", "1"],
    ]
    assert page.complaints == []


def test_a_busy_service_is_asked_again_and_no_vote_is_lost(page):
    page.click("#blind-tab")
    page.run(
        """(() => {
          const fetch = window.fetch;
          [window.busy, window.down] = [true, true];
          const refuse = (status, headers) => new Response('{"error": {"message": "Not now."}}', { status, headers });
          window.fetch = async (path, options) => {
            const asked = options?.body ?? "";
            if (asked.includes("one") && window.busy) return (window.busy = false), refuse(429, { "retry-after": "1" });
            if (asked.includes("three") && window.down) return refuse(500, {});
            return fetch(path, options);
          };
        })()"""
    )
    put(page, "sentences", "one\ntwo\nthree\nfour")
    put(page, "rounds", 4)
    put(page, "other-pitch", 7)
    page.click("#blind-form button[type=submit]")
    judge(page, 4, ["ArrowLeft", "ArrowRight"])
    page.wait("document.getElementById('error').textContent.includes('Hear A tries again')")
    page.run("window.down = false")
    page.press("a")
    page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
    for key in ("a", "b", "="):
        page.press(key)
    page.wait("document.getElementById('trial-title').textContent.startsWith('Round 4')")
    page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
    for key in ("a", "b", "="):
        page.press(key)
    page.wait("!document.getElementById('tally').hidden")
    page.click("#tally-save")
    told = json.loads(page.saved("blind-test.json").read_text())
    assert [trial["vote"] for trial in told["trials"]] == ["a", "b", "equal", "equal"]


def test_a_blind_test_of_one_with_itself_is_refused_and_ending_early_is_told(page):
    page.click("#blind-tab")
    put(page, "other-pitch", 0)
    page.click("#blind-form button[type=submit]")
    assert "Both are the same" in page.wait("document.getElementById('error').textContent")
    put(page, "other-speed", 1.5)
    page.click("#blind-form button[type=submit]")
    judge(page, 10, ["ArrowLeft"])
    page.click("#trial-end")
    assert "1 of 10 rounds" in text_of(page, "statistics")


def test_the_tally_is_scipys_exact_binomial_test(page):
    for one, other in [(7, 2), (10, 0), (0, 3), (5, 5), (61, 39), (1, 0)]:
        votes = ["one"] * one + ["other"] * other + ["equal"] * 2
        got = page.run(f"import('/tally.js').then(({{ tally }}) => tally({votes}))")
        want = binomtest(one, one + other)
        interval = want.proportion_ci(0.95, "exact")
        assert got["p_value"] == pytest.approx(want.pvalue, rel=1e-9)
        assert (got["low"], got["high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)
        assert (got["one"], got["other"], got["equal"]) == (one, other, 2)


def test_the_spectrogram_has_a_tone_where_it_is(page):
    tone = "Float32Array.from({ length: 1024 }, (_, i) => Math.sin(2 * Math.PI * 100 * i / 1024))"
    power = page.run(f"import('/picture.js').then(({{ powerSpectrum }}) => [...powerSpectrum({tone})])")
    assert int(np.argmax(power)) == 100
    assert power[100] == pytest.approx(1, rel=1e-3)
    window = np.hanning(1025)[:-1]
    want = np.abs(np.fft.rfft(window * np.sin(2 * np.pi * 100 * np.arange(1024) / 1024)) * 4 / 1024) ** 2
    np.testing.assert_allclose(power, want, atol=1e-5)


def test_the_word_that_is_heard_is_marked_and_a_click_goes_to_one(page):
    put(page, "text", " one, two;\nthree four ")
    watch = "document.getElementById('spoken'), { subtree: true, attributes: true }"
    note = "(window.marked ??= new Set()).add(document.querySelector('#spoken .now')?.textContent)"
    page.run(f"new MutationObserver(() => {note}).observe({watch})")
    page.click(SAY)
    page.wait(SAID)
    page.wait("document.getElementById('status').textContent === ''")
    assert text_of(page, "spoken") == " one, two;\nthree four "
    marked = [word for word in page.run("[...window.marked]") if word]  # a busy machine draws less often
    assert len(marked) > 1
    assert marked[-1] in ("four", "one,"), "at the end it goes back to the beginning"
    later = [word for word in marked if word != "one,"]
    assert later == [word for word in ("two;", "three", "four") if word in later]
    page.click("#spoken span:nth-of-type(3)")
    page.wait("document.querySelector('#spoken .now')?.textContent === 'three'")
    place = page.run("document.querySelector('#said-track audio').currentTime")
    assert place == pytest.approx(2 * 20 * 256 / 24_000, abs=0.02)


def test_words_are_found_by_characters_in_events_that_are_cut_anywhere(page):
    events = [
        {"type": "speech.audio.words", "words": [{"word": "né", "start": 2, "end": 4, "start_s": 0.1, "end_s": 0.3}]},
        {"type": "speech.audio.delta", "audio": "AAD/"},
        {"type": "speech.audio.delta", "audio": "fwCA"},
        {"type": "speech.audio.words", "words": [{"word": "b", "start": 5, "end": 6, "start_s": 0.3, "end_s": 0.6}]},
        {"type": "speech.audio.done", "usage": {}},
    ]
    content = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    got = page.run(
        f"""(async () => {{
          const [service, {{ Reading }}] = await Promise.all([import("/service.js"), import("/words.js")]);
          const bytes = new TextEncoder().encode({json.dumps(content)});
          const body = new ReadableStream({{ start(stream) {{
            for (let i = 0; i < bytes.length; i += 7) stream.enqueue(bytes.slice(i, i + 7));
            stream.close();
          }} }});
          const paragraph = document.createElement("p");
          const reading = new Reading(paragraph);
          reading.begin("𝄞 né b!");
          const heard = [], samples = [];
          const headers = {{ "content-type": "text/event-stream; charset=utf-8" }};
          for await (const part of service.soundOf(new Response(body, {{ headers }}))) {{
            if (part.words) reading.add(part.words);
            else samples.push(...part.samples);
          }}
          for (const second of [0, 0.2, 0.3, 0.7]) {{
            reading.at(second);
            heard.push(paragraph.querySelector(".now")?.textContent ?? null);
          }}
          return [samples, heard, paragraph.textContent];
        }})()"""
    )
    assert got[0] == pytest.approx([0, 1, -32768 / 32767])
    assert got[1:] == [[None, "né", "b", None], "𝄞 né b!"]


@pytest.fixture
def guarded(endpoint, tmp_path):
    """(The front, which wants a key; alice's); anyone may ask again afterwards."""
    path, service = tmp_path / "keys.txt", endpoint.service
    secret = keys.add(path, "alice")
    open_to_all = service.config
    service.config = open_to_all.model_copy(update={"access": AccessConfig(keys=str(path))})
    yield endpoint, secret
    service.config = open_to_all


def test_a_key_is_asked_for_and_kept_for_the_tab(browser, guarded):
    endpoint, secret = guarded
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait("document.getElementById('key-dialog')?.open")
    browser.type("wrong")
    browser.press("Enter")
    browser.wait("document.getElementById('key-why').textContent.includes('not known')")
    browser.wait("document.getElementById('key-dialog').open")
    assert browser.run("document.getElementById('key').value") == ""
    browser.type(secret)
    browser.press("Enter")
    browser.wait(READY)
    browser.click(SAY)
    browser.wait(SAID)
    assert secret not in browser.run("location.href + document.documentElement.outerHTML")
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait(READY)
    assert not browser.run("document.getElementById('key-dialog').open"), "the same tab is not asked again"
    browser.run("sessionStorage.clear()")


def test_who_gives_no_key_is_told_what_to_do(browser, guarded):
    endpoint, _ = guarded
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait("document.getElementById('key-dialog')?.open")
    browser.press("Escape")
    assert "without a key" in browser.wait("document.getElementById('error').textContent")


def test_tabs_are_reached_and_changed_by_keys(page):
    page.run("document.getElementById('say-tab').focus()")
    page.press("ArrowRight")
    assert page.run("document.activeElement.id") == "vocode-tab"
    page.press("End")
    assert page.run("document.activeElement.ariaSelected + document.activeElement.id") == "trueblind-tab"
    assert not page.run("document.getElementById('blind').hidden")
    page.press("Tab")
    assert page.run("document.getElementById('blind').contains(document.activeElement)")


@pytest.mark.parametrize("view", ["say", "vocode", "blind"])
def test_everything_that_can_be_used_has_a_name_for_those_who_listen(page, view, wav):
    page.click(f"#{view}-tab")
    if view == "say":
        page.click(SAY)
        page.wait(SAID)
    if view == "vocode":
        page.run(f"{DROP}('vowel.wav', {list(wav)})")
        page.wait("!document.getElementById('download').disabled")
    spoken = [node for node in page.accessibility() if node["role"] in USABLE]
    assert len(spoken) > 5
    assert [node for node in spoken if not node["name"]] == []


USABLE = {"button", "combobox", "slider", "textbox", "tab", "spinbutton", "checkbox"}


def test_words_stand_out_from_what_they_are_on(page):
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for the edges of controls."""

    def luminance(name: str) -> float:
        value = page.run(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')").strip()
        parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted([luminance(one), luminance(other)])
        return (high + 0.05) / (low + 0.05)

    for scheme in ("dark", "light"):
        page.shape(1100, scheme=scheme)
        for ground in ("paper", "card"):
            for ink in ("ink", "quiet", "accent", "wrong"):
                assert contrast(ink, ground) >= 4.5, (scheme, ink, ground)
            assert contrast("edge", ground) >= 3
        assert contrast("accent-ink", "accent") >= 4.5


def test_nothing_hangs_over_the_edge_of_a_phone(page):
    page.shape(320, 640)
    for view in ("say", "vocode", "blind"):
        page.click(f"#{view}-tab")
        assert page.run("document.documentElement.scrollWidth") <= 320, view
    page.shape(1100)
