"""The spectrogram that the page draws is the one that the model computes."""

from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Page

from mmdigit.reading.audio.normalize import decode_audio
from mmdigit.training.data.log_mel import N_FRAMES, N_MELS, LogMel
from tests.webapp.conftest import NewPage
from tests.webapp.sounds import call, decoded, encoded

CLIPS = [decode_audio(path.read_bytes()) for path in sorted(Path("samples/pack/audio").iterdir())[::5]]
TOLERANCE = 2e-4
"""Of decimal logarithms, about -2.5 to 4: the model computes them in 32 bits."""
DRAW = """
const canvas = document.createElement("canvas")
canvas.id = "drawn"
document.querySelector("main").replaceChildren(canvas)
m.drawSpectrogram(canvas, samplesOf(given))"""
PIXELS = """(canvas) => {
  const { width, height } = canvas
  return { width, height, pixels: [...canvas.getContext("2d").getImageData(0, 0, width, height).data] }
}"""


def test_log_mel_equals_the_model(new_page: NewPage) -> None:
    rng = np.random.default_rng(0)
    waveforms = [*CLIPS, np.zeros(8000, np.float32), np.asarray(rng.normal(0, 0.1, 8000), np.float32)]
    found = call(
        new_page(),
        "sound/log_mel.js",
        "return given.map((waveform) => textOf(m.logMel(samplesOf(waveform))))",
        [encoded(waveform) for waveform in waveforms],
    )
    expected = LogMel()(torch.from_numpy(np.stack(waveforms))).numpy()
    for text, picture in zip(found, expected, strict=True):
        np.testing.assert_allclose(decoded(text).reshape(N_FRAMES, N_MELS), picture, rtol=0, atol=TOLERANCE)


def drawn(page: Page) -> np.ndarray:
    found = page.locator("#drawn").evaluate(PIXELS)
    return np.array(found["pixels"]).reshape(found["height"], found["width"], 4)


def test_spectrogram_follows_the_theme(new_page: NewPage) -> None:
    page = new_page(color_scheme="light")
    page.locator("main h1").wait_for()
    call(page, "sound/spectrogram.js", DRAW, encoded(CLIPS[0]))
    light = drawn(page)
    assert light.shape == (N_MELS, N_FRAMES, 4)
    assert (light[..., 3] == 255).all()
    picture = LogMel()(torch.from_numpy(CLIPS[0][None]))[0].numpy().T[::-1]  # high tones on top
    assert np.corrcoef(picture.ravel(), -light[..., 0].ravel())[0, 1] > 0.999
    assert light.reshape(-1, 4).max(axis=0).tolist() == [255, 255, 255, 255]  # --paper
    assert light[..., 0].min() == 0x1A  # --accent
    call(page, "settings.js", "m.choose({ theme: 'dark' })")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    dark = drawn(page)
    assert dark[..., :3].min(axis=(0, 1)).tolist() == [0x14, 0x17, 0x1C]
    assert dark[..., :3].max(axis=(0, 1)).tolist() == [0x8D, 0xB8, 0xFF]
    call(page, "sound/spectrogram.js", DRAW, encoded(np.zeros(8000, np.float32)))
    assert (drawn(page) == drawn(page)[0, 0]).all()
