"""The page in real browsers: what is typed is heard as it streams, scrubbed, saved and shared."""

import io
import json
import time
import wave

import numpy as np
import pytest

from .page import COLOURS, DROP, READY, SAID, SAY, put, text_of


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
    service = endpoint.service
    service.pause_s = 0.3
    put(page, "text", "word " * 20)
    page.click(SAY)
    first = page.wait("/First sound\\n(\\d+) ms/.exec(document.querySelector('#said-track .facts').innerText)?.[1]")
    made = len(service.made)
    assert made < 20
    assert page.run(SAID) is False
    assert int(first) >= 300
    service.pause_s = 1 + 0.25 * made  # longer than all that is there to be heard: 0.21 s a word
    page.wait("document.querySelector('#said-track .picture').ariaValueNow > 0")  # the line follows what is heard
    assert page.run(f"({COLOURS})(document.querySelector('#said-track .spectrum'))") > 20
    while len(service.made) < made + 2:
        time.sleep(0.05)
    service.pause_s = 0
    page.wait(SAID)
    assert "Gaps\nnone" not in page.run("document.querySelector('#said-track .facts').innerText")


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
