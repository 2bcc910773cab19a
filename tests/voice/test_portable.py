"""A text voice without torch says what it says with torch."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from ganray.config import AudioConfig
from ganray.errors import DataError, UsageError
from ganray.models import build_generator, f0, fourier, random
from ganray.voice import Delivery, Voice, open_reader, save_voice, signal

TEXT = "Dr. Lee paid $5.50. Was it enough? Nobody knew."
ASKED = [{}, {"speed": 1.3, "pitch": 4, "pitch_range": 0.5, "volume": -6, "pauses": 2}]
AUDIO = AudioConfig()


@pytest.fixture(scope="module", params=[(False, 3), (True, 1)], ids=["32 bits, stride 3", "16 bits"])
def both(request, tiny_text_run, tmp_path_factory):
    """A text voice in torch, and the same in ONNX Runtime."""
    half, stride = request.param
    path = tmp_path_factory.mktemp("portable") / "voice"
    torch.manual_seed(0)
    run = tiny_text_run(f"generator.stride={stride}", f"generator.vocoder.stride={stride}")
    generator = build_generator(run.generator, run.audio).eval()
    generator.acoustic.timing_out.bias.data[0] = 2.0  # some seven frames a symbol
    save_voice(path, generator, name="both", origin={}, sample=None, half=half, graphs=True)
    return Voice.load(path), open_reader(path)


@pytest.mark.parametrize("asked", ASKED)
def test_it_says_the_same(both, asked):
    ours, light = both[0].say(TEXT, Delivery(**asked), seed=3), both[1].say(TEXT, Delivery(**asked), seed=3)
    assert light.words == ours.words
    # A rounding of F0 adds up to a phase that only the highest harmonics show.
    assert np.linalg.norm(light.waveform - ours.waveform) < 0.03 * np.linalg.norm(ours.waveform)
    assert np.abs(both[0].mel(light.waveform) - both[0].mel(ours.waveform)).mean() < 2e-3


def test_its_blocks_are_the_whole(both):
    _, light = both
    whole = light.say(TEXT, Delivery()).waveform
    blocks = [block.waveform for block in light.speak(TEXT, Delivery())]
    assert len(blocks) > 3
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=2e-6)


@pytest.fixture(scope="module")
def in_eight_bits(both, tmp_path_factory):
    """The same voice with its large products in integers."""
    path = tmp_path_factory.mktemp("int8") / "voice"
    save_voice(path, both[0].generator, name="int8", origin={}, sample=None, graphs=True, int8=True)
    return open_reader(path)


def test_eight_bits_say_nearly_the_same(both, in_eight_bits):
    ours, theirs = both[1].say(TEXT, Delivery(), seed=3), in_eight_bits.say(TEXT, Delivery(), seed=3)
    assert theirs.words == ours.words
    assert 0 < np.abs(both[0].mel(theirs.waveform) - both[0].mel(ours.waveform)).mean() < 0.05


def test_blocks_in_eight_bits_are_the_whole_too(in_eight_bits):
    whole = in_eight_bits.say(TEXT, Delivery()).waveform
    blocks = [
        block.waveform for block in in_eight_bits.speak(TEXT, Delivery(), first_frames=7, growth=2, block_frames=33)
    ]
    assert len(blocks) > 5
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=2e-5)


def test_graphs_of_another_ganray_are_told(both, tmp_path):
    import onnx

    older = tmp_path / "older"
    shutil.copytree(both[0].path, older)
    graph = onnx.load(older / "vocoder.onnx", load_external_data=False)
    del graph.graph.output[1:]
    (older / "vocoder.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(DataError, match=r"another ganray.*export it again"):
        open_reader(older)


def test_markup_and_pauses_are_kept(both):
    marked = '<prosody pitch="+2st" rate="fast">Well,</prosody> <break time="300ms"/> who knows?'
    ours, light = (one.say(marked, Delivery(), markup=True) for one in both)
    assert light.words == ours.words


def test_it_needs_no_torch(both):
    script = (
        "import sys; from ganray.voice import Delivery, open_reader; "
        f"speech = open_reader({str(both[0].path)!r}).say('Hello.', Delivery()); "
        "assert len(speech.waveform) > 1000; print([name for name in ('torch', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_damaged_graph_is_told(both, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(both[0].path, broken)
    (broken / "mel.onnx").write_bytes(b"no graph")
    with pytest.raises(DataError, match="damaged"):
        open_reader(broken)
    (broken / "voice.yaml").write_text("kind: [text")
    with pytest.raises(DataError, match="damaged"):
        open_reader(broken)


def test_a_voice_without_graphs_reads_by_torch_and_a_mel_voice_not_at_all(text_voice, mel_voice):
    assert type(open_reader(text_voice).engine).__name__ == "TorchEngine"
    with pytest.raises(UsageError, match="can't read text"):
        open_reader(mel_voice)


def test_signals_are_those_of_torch():
    torch.manual_seed(0)
    counter = torch.randint(-(2**62), 2**62, (50,))
    assert np.array_equal(signal.mix(counter.numpy()), random.mix(counter).numpy())
    keys = random.frame_keys(torch.tensor([7]), 40)
    assert np.array_equal(signal.frame_keys(np.array([7]), 40), keys.numpy())
    close(signal.complex_normal(keys.numpy(), 513), random.complex_normal(keys, 513)[0].T)
    hertz = (180 + 60 * torch.rand(40)) * (torch.rand(40) > 0.4)
    filled = f0.fill_unvoiced(hertz[None])[0]
    close(signal.fill_unvoiced(hertz.numpy()), filled)
    assert signal.fill_unvoiced(np.zeros(3, np.float32)).tolist() == [150, 150, 150]
    phase = f0.phase_at_frames(filled[None], torch.tensor([0.3]), 256, 24_000)[0]
    close(signal.phase_at_frames(filled.numpy(), float(torch.tensor(0.3)), AUDIO), phase)
    pulses = f0.pulse_train(filled[None], phase[None], 256, 24_000, AUDIO.f_max)
    close(signal.pulse_train(filled.numpy(), phase.numpy(), AUDIO), pulses[0], 1e-3)
    spectrum = fourier.ForwardSTFT(AUDIO)(pulses)
    close(signal.stft(pulses[0].numpy(), AUDIO), spectrum[0].T, 1e-3)
    close(signal.istft(spectrum[0].T.numpy(), AUDIO), fourier.InverseSTFT(AUDIO)(spectrum)[0], 1e-3)


@pytest.mark.parametrize("contract", [{}, {"mel_scale": "slaney", "mel_norm": "slaney"}, {"f_min": 40, "f_max": 8000}])
def test_the_inverse_of_the_filterbank_is_that_of_torch(contract):
    audio = AudioConfig(**contract)
    ours, theirs = signal.inverse_mel(audio), fourier.InverseMel(audio).inverse.T
    mel = torch.rand(5, audio.n_mels)
    close(mel.numpy() @ ours, mel @ theirs, 1e-3)


def close(ours, theirs, share=1e-4):
    theirs = theirs.numpy()
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= share * np.abs(theirs).max()


def test_what_is_not_written_as_it_is_said_can_be_refused(both):
    speaker = both[1]
    speaker.must_be_as_said("Don't worry, the TTS of café Noir is fine.")
    for text, says in (("It costs 25 today.", "twenty five"), ("Dr. Smith is in.", "doctor")):
        with pytest.raises(UsageError, match="not written as it is said") as told:
            speaker.must_be_as_said(text)
        assert says in str(told.value).replace("-", " ")
