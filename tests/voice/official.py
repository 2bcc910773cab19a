"""Weights in the layouts that HiFi-GAN, BigVGAN and Vocos are published in, and what they must sound like.

Made and computed here from the papers' formulas, tensor by tensor, without a line of ganray: what an import must equal.
Random weights, small sizes.
"""

import json
import math

import numpy as np
import torch
from torch.nn import functional

HIFIGAN = {
    "resblock": "1", "upsample_rates": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4],
    "upsample_initial_channel": 32, "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]], "segment_size": 8192, "num_mels": 80,
    "num_freq": 1025, "n_fft": 1024, "hop_size": 256, "win_size": 1024, "sampling_rate": 22050, "fmin": 0,
    "fmax": 8000, "fmax_for_loss": None,
}  # fmt: skip
HIFIGAN_V3 = HIFIGAN | {
    "resblock": "2", "upsample_rates": [8, 8, 4], "upsample_kernel_sizes": [16, 16, 8],
    "resblock_kernel_sizes": [3, 5, 7], "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]],
}  # fmt: skip
BIGVGAN = HIFIGAN | {
    "activation": "snakebeta", "snake_logscale": True, "fmax": None, "sampling_rate": 24000, "num_mels": 100,
}  # fmt: skip
BIGVGAN_V2 = BIGVGAN | {
    "upsample_rates": [8, 4, 2, 2, 2, 2], "upsample_kernel_sizes": [16, 8, 4, 4, 4, 4], "hop_size": 512,
    "upsample_initial_channel": 64, "n_fft": 2048, "win_size": 2048, "sampling_rate": 44100, "num_mels": 128,
    "use_tanh_at_final": False, "use_bias_at_final": False,
}  # fmt: skip


class Maker:
    """Draws weights: a convolution's as direction, length and bias."""

    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)
        self.weights = {}

    def draw(self, *shape):
        return torch.randn(*shape, generator=self.random)

    def conv(self, name, *shape, bias=True, of=0):
        direction = self.draw(*shape)
        per_output = math.prod(shape) / shape[of]
        norm = direction.flatten(1).norm(dim=1).view(-1, *[1] * (len(shape) - 1))
        self.weights[f"{name}.weight_g"] = norm / math.sqrt(per_output) * (1 + 0.1 * self.draw(*norm.shape))
        self.weights[f"{name}.weight_v"] = direction
        if bias:
            self.weights[f"{name}.bias"] = 0.1 * self.draw(shape[1] if of else shape[0])


def generator_weights(h, seed=0, periodic=False):
    """The state dict under "generator" of a `g_*` file or of bigvgan_generator.pt."""
    make, width = Maker(seed), h["upsample_initial_channel"]
    make.conv("conv_pre", width, h["num_mels"], 7)

    def snake(name, channels):
        make.weights[f"{name}.act.alpha"] = 0.3 * make.draw(channels)
        if h["activation"] == "snakebeta":
            make.weights[f"{name}.act.beta"] = 0.3 * make.draw(channels)
        make.weights[f"{name}.upsample.filter"] = torch.zeros(1, 1, 12)
        make.weights[f"{name}.downsample.lowpass.filter"] = torch.zeros(1, 1, 12)

    for i, kernel in enumerate(h["upsample_kernel_sizes"]):
        make.conv(f"ups.{i}.0" if periodic else f"ups.{i}", width, width // 2, kernel, of=1)
        width //= 2
        for j, size in enumerate(h["resblock_kernel_sizes"]):
            name = f"resblocks.{i * len(h['resblock_kernel_sizes']) + j}"
            lists = ("convs1", "convs2") if h["resblock"] == "1" else ("convs",)
            for place in range(len(h["resblock_dilation_sizes"][j])):
                for part in lists:
                    make.conv(f"{name}.{part}.{place}", width, width, size)
            if periodic:
                for place in range(len(lists) * len(h["resblock_dilation_sizes"][j])):
                    snake(f"{name}.activations.{place}", width)
    if periodic:
        snake("activation_post", width)
    make.conv("conv_post", 1, width, 7, bias=h.get("use_bias_at_final", True))
    return make.weights


def weight(weights, name):
    """g · v / |v|."""
    g, v = weights[f"{name}.weight_g"], weights[f"{name}.weight_v"]
    return g * v / v.flatten(1).norm(dim=1).view_as(g)


def waveform(h, weights, mel, periodic=False):
    """(B, M, F) to (B, 1, T), as the papers say."""

    def conv(name, x, dilation=1):
        w = weight(weights, name)
        pad = (w.shape[-1] - 1) * dilation // 2
        return functional.conv1d(x, w, weights.get(f"{name}.bias"), padding=pad, dilation=dilation)

    def active(name, x, slope=0.1):
        return alias_free(h, weights, name, x) if periodic else functional.leaky_relu(x, slope)

    x = conv("conv_pre", mel)
    for i, (rate, kernel) in enumerate(zip(h["upsample_rates"], h["upsample_kernel_sizes"], strict=True)):
        name = f"ups.{i}.0" if periodic else f"ups.{i}"
        x = x if periodic else functional.leaky_relu(x, 0.1)
        x = functional.conv_transpose1d(
            x, weight(weights, name), weights[f"{name}.bias"], rate, padding=(kernel - rate) // 2
        )
        total = 0
        for j, dilations in enumerate(h["resblock_dilation_sizes"]):
            block, y = f"resblocks.{i * len(h['resblock_kernel_sizes']) + j}", x
            for place, dilation in enumerate(dilations):
                if h["resblock"] == "1":
                    z = conv(f"{block}.convs1.{place}", active(f"{block}.activations.{2 * place}", y), dilation)
                    z = conv(f"{block}.convs2.{place}", active(f"{block}.activations.{2 * place + 1}", z))
                else:
                    z = conv(f"{block}.convs.{place}", active(f"{block}.activations.{place}", y), dilation)
                y = y + z
            total = total + y
        x = total / len(h["resblock_kernel_sizes"])
    x = conv("conv_post", active("activation_post", x, 0.01))
    return x.tanh() if h.get("use_tanh_at_final", True) else x.clamp(-1, 1)


def low_pass():
    """Kaiser's window over a sinc: cutoff at half of Nyquist's, transition 1.2 of it, 12 taps; numpy's window."""
    attenuation = 2.285 * 5 * math.pi * 4 * 0.3 + 7.95
    assert attenuation > 50  # Kaiser's rule for such
    beta = 0.1102 * (attenuation - 8.7)
    taps = np.kaiser(12, beta) * np.sinc(0.5 * (np.arange(12) - 5.5))
    return torch.from_numpy((taps / taps.sum()).astype(np.float32))


def alias_free(h, weights, name, x):
    """Up by zeros and low-pass, x + sin²(αx)/β, low-pass and every second sample; the ends hold on."""
    channels, taps = x.shape[1], low_pass()
    stuffed = torch.zeros(*x.shape[:2], 2 * (x.shape[2] + 10))
    stuffed[..., ::2] = functional.pad(x, (5, 5), mode="replicate")
    each = (2 * taps).flip(0).expand(channels, 1, -1)
    up = functional.conv1d(functional.pad(stuffed, (11, 11)), each, groups=channels)[..., 15:][..., : 2 * x.shape[2]]
    alpha = weights[f"{name}.act.alpha"][:, None]
    beta = weights.get(f"{name}.act.beta", weights[f"{name}.act.alpha"])[:, None]
    if h["snake_logscale"]:
        alpha, beta = alpha.exp(), beta.exp()
    bent = up + (alpha * up).sin() ** 2 / (beta + 1e-9)
    padded = functional.pad(bent, (5, 6), mode="replicate")
    return functional.conv1d(padded, taps.expand(channels, 1, -1), groups=channels)[..., ::2]


PERIODS = (2, 3, 5, 7, 11)
SCALE = ((128, 1, 15, 1, 1), (128, 128, 41, 2, 4), (256, 128, 41, 2, 16), (512, 256, 41, 4, 16),
         (1024, 512, 41, 4, 16), (1024, 1024, 41, 1, 16), (1024, 1024, 5, 1, 1))  # fmt: skip
"""(out, in, kernel, stride, groups)."""


def discriminator_weights(seed=0):
    """(mpd, msd): the state dicts of a `do_*` file, the first scale with spectral norm."""
    mpd, msd = Maker(seed), Maker(seed + 1)
    widths = (1, 32, 128, 512, 1024, 1024)
    for p in range(len(PERIODS)):
        for i in range(5):
            mpd.conv(f"discriminators.{p}.convs.{i}", widths[i + 1], widths[i], 5, 1)
        mpd.conv(f"discriminators.{p}.conv_post", 1, 1024, 3, 1)
    for s in range(3):
        shapes = [(f"convs.{i}", out, inner // groups, k) for i, (out, inner, k, _, groups) in enumerate(SCALE)]
        for name, *shape in [*shapes, ("conv_post", 1, 1024, 3)]:
            full = f"discriminators.{s}.{name}"
            if s:
                msd.conv(full, *shape)
                continue
            u, v = msd.draw(shape[0]), msd.draw(shape[1] * shape[2])
            msd.weights[f"{full}.weight_orig"] = msd.draw(*shape)
            msd.weights[f"{full}.weight_u"], msd.weights[f"{full}.weight_v"] = u / u.norm(), v / v.norm()
            w = msd.weights[f"{full}.weight_orig"].flatten(1)
            for _ in range(3):  # what training does: a step of power iteration an update
                v = functional.normalize(w.T @ u, dim=0)
                u = functional.normalize(w @ v, dim=0)
            msd.weights[f"{full}.weight_u"], msd.weights[f"{full}.weight_v"] = u, v
            msd.weights[f"{full}.bias"] = 0.1 * msd.draw(shape[0])
    return mpd.weights, msd.weights


def judged(mpd, msd, x):
    """The logits of the five periods and the three scales for (B, 1, T)."""
    told = []
    for p, period in enumerate(PERIODS):
        y = functional.pad(x, (0, -x.shape[-1] % period), mode="reflect")
        y = y.reshape(len(y), 1, -1, period)
        for i in range(5):
            name = f"discriminators.{p}.convs.{i}"
            y = functional.conv2d(y, weight(mpd, name), mpd[f"{name}.bias"], (3 if i < 4 else 1, 1), (2, 0))
            y = functional.leaky_relu(y, 0.1)
        name = f"discriminators.{p}.conv_post"
        told.append(functional.conv2d(y, weight(mpd, name), mpd[f"{name}.bias"], padding=(1, 0)))
    for s in range(3):
        x = functional.avg_pool1d(x, 4, 2, 2) if s else x
        y = x
        for i, (_, _, kernel, stride, groups) in enumerate([*SCALE, (1, 1024, 3, 1, 1)]):
            name = f"discriminators.{s}.convs.{i}" if i < 7 else f"discriminators.{s}.conv_post"
            if s:
                w = weight(msd, name)
            else:
                w = msd[f"{name}.weight_orig"]
                w = w / (msd[f"{name}.weight_u"] @ w.flatten(1) @ msd[f"{name}.weight_v"])
            y = functional.conv1d(y, w, msd[f"{name}.bias"], stride, kernel // 2, groups=groups)
            y = functional.leaky_relu(y, 0.1) if i < 7 else y
        told.append(y)
    return told


def write(folder, h, weights):
    """(checkpoint, config) as published."""
    torch.save({"generator": weights}, folder / "g_00000100")
    (folder / "config.json").write_text(json.dumps(h))
    return folder / "g_00000100", folder / "config.json"
