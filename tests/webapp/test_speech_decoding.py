"""The page's sound decoding, held equal to mmdigit.reading.audio in a real browser."""

import struct
from pathlib import Path

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mmdigit.reading.audio.channels import to_mono
from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.normalize import decode_audio, read_waveform, speech_window
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import InvalidAudio
from tests.mmdigit.clips import tone, wav
from tests.webapp.conftest import NewPage
from tests.webapp.sounds import call, decoded, encoded, packed

PACK = sorted(Path("samples/pack/audio").iterdir())
OTHER_FORMATS = Path("tests/cases/other-formats")
CASES = sorted(
    path for path in Path("tests/cases").rglob("*") if path.suffix in (".wav", ".flac") and path.parent != OTHER_FORMATS
)
TOLERANCE = 1e-6
"""Of full scale: of a sample that Python rounds in 32 bits where the page adds in 64."""

WINDOWS = """
const windows = []
for (const waveform of given) windows.push(textOf(m.speechWindow(m.levelled(samplesOf(waveform)))))
return windows"""
WAVEFORMS = """
const found = []
for (const file of given) {
  try {
    found.push(textOf(await m.waveformOf(new Blob([bytesOf(file)]))))
  } catch (error) {
    found.push({ code: error.code, message: error.message })
  }
}
return found"""


def padded(size: int, at: int, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.zeros(size)
    whole[at : at + samples.size] = samples
    return whole


def rendered() -> dict[str, NDArray[np.float32]]:
    """What microphones and people do, by name: a word of half a second and a fault."""
    rng = np.random.default_rng(7)
    size, start = 16_000, 8000
    time_s = np.arange(size) / 8000
    word = rng.normal(0, 1e-4, size) + padded(size, start, tone(level=0.03, pitch_hz=300))
    decay = np.exp(-6 * np.arange(640) / 640)
    pop = rng.normal(0, 0.4, 640) * decay
    faults = {
        "clean": np.zeros(size),
        "hum": 0.03 * np.sin(2 * np.pi * 50 * time_s),
        "drift": 0.5 * np.exp(-time_s / 0.1),
        "slow drift": -0.5 * np.exp(-time_s / 0.5),
        "offset": np.full(size, 0.2),
        "click": padded(size, 80, np.full(24, 0.9)),
        "click in the word": padded(size, start + 500, np.full(24, 0.9)),
        "pop": padded(size, 0, pop),
        "pop at the end": padded(size, 15_300, pop),
        "pop and drift": padded(size, 0, pop) + 0.4 * np.exp(-time_s / 0.2),
        "thump": padded(size, 40, rng.normal(0, 0.4, 1600) * np.exp(-6 * np.arange(1600) / 1600)),
        "ten clicks": sum((padded(size, at, np.full(8, 0.8)) for at in range(300, size, 1600)), np.zeros(size)),
        "noise": rng.normal(0, 0.02, size),
    }
    made = {name: word + fault for name, fault in faults.items()}
    made |= {f"{name}, cut": samples[3001:12_345] for name, samples in made.items()}
    made |= {f"short of {size}": word[start : start + size] + 0.01 for size in (1, 2, 79, 80, 81, 161, 400, 801)}
    made |= {"short hum": made["hum"][:500], "short drift": made["drift"][:300], "all pop": pop}
    made["20 s"] = np.concatenate([rng.normal(0, 1e-3, 150_000), tone(level=0.1, pitch_hz=300), np.zeros(6000)])
    made["20 s of hum"] = made["20 s"] + 0.1 * np.sin(2 * np.pi * 50 * np.arange(made["20 s"].size) / 8000)
    made["words"] = np.tile(tone(level=0.1, pitch_hz=200), 20)
    made["constant level"] = np.sin(np.arange(24_000) / 3)
    return {name: np.asarray(samples.clip(-1, 1), np.float32) for name, samples in made.items()}


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(samples - np.add.reduce(samples) / samples.size, np.float32).clip(-1, 1)


def test_speech_window_equals_python(new_page: NewPage) -> None:
    waveforms = {str(path): read_waveform(path.read_bytes()) for path in PACK + CASES}
    waveforms |= {name: samples for name, samples in rendered().items() if np.abs(levelled(samples)).max() > 5e-4}
    found = call(new_page(), "decoding/speech.js", WINDOWS, [encoded(samples) for samples in waveforms.values()])
    changed = 0
    for (name, samples), clip in zip(waveforms.items(), map(decoded, found), strict=True):
        expected = speech_window(levelled(samples))
        assert clip.shape == (8000,)
        assert float(np.abs(clip - expected).max()) <= TOLERANCE, name
        changed += bool(np.abs(clip).max())
    assert changed == len(waveforms)


def odd_wav_files() -> list[bytes]:
    """What recorders and streams make of one clip: wrong sizes, chunks of odd sizes with and without their pad byte."""
    plain = wav(tone() + 0.01)
    head, samples = plain[:36], plain[44:]
    data = b"data" + struct.pack("<I", len(samples))
    chunks = [b"", b"junk\3\0\0\0abc\0", b"junk\3\0\0\0abc", b"LIST\4\0\0\0abcd"]
    made = [head + chunk + data + samples + after for chunk in chunks for after in chunks]
    for size in (0, 1, 2000, len(samples) - 1, len(samples) + 8, len(samples) - 900, 0x7FFFFFFF, 0xFFFFFFFF):
        made += [head + b"data" + struct.pack("<I", size) + samples + after for after in (b"", chunks[3], bytes(900))]
    return [*made, head + b"data" + struct.pack("<I", 2001) + samples[:2001] + b"\0LIST\x20\3\0\0" + bytes([9] * 800)]


def test_wav_files_of_the_page_are_decoded_as_python_does(new_page: NewPage) -> None:
    files = [path.read_bytes() for path in PACK + CASES if path.suffix == ".wav"] + odd_wav_files()
    mine = [data for data in files if _is_ours(data) and _is_read(data)]
    assert len(mine) > 60
    for data, text in zip(mine, call(new_page(), "decoding/sound.js", WAVEFORMS, [*map(packed, mine)]), strict=True):
        np.testing.assert_allclose(decoded(text), read_waveform(data), rtol=0, atol=1e-7)


def _is_ours(data: bytes) -> bool:
    """Whether it is a WAV file of 8 kHz and 16 bits in mono."""
    return data[:4] == b"RIFF" and struct.unpack_from("<HHI6xH", data, data.find(b"fmt ") + 8) == (1, 1, 8000, 16)


def _is_read(data: bytes) -> bool:
    try:
        return read_waveform(data).size > 0
    except InvalidAudio:
        return False


def test_stereo_becomes_mono_as_in_python(new_page: NewPage) -> None:
    rng = np.random.default_rng(4)
    word = np.pad(tone(level=0.2), 2000)
    made = []
    for left, right in ((1.0, 1.0), (1.0, -1.0), (0.8, -0.6), (0.8, 0.0), (0.0, 0.3), (0.4, -0.1)):
        for noise in (1e-4, 0.05):
            stereo = np.stack([left * word, right * word], axis=1) + rng.normal(0, noise, (word.size, 2))
            stereo[:, 1] += 0.2 * np.sin(np.arange(word.size) / 25) * (noise > 0.01)
            made.append(np.asarray(stereo.clip(-1, 1), np.float32))
    made.append(np.asarray(np.outer(word + rng.normal(0, 1e-2, word.size), [0.8, -0.6]), np.float32))
    body = "return given.map((channels) => textOf(m.toMono(channels.map(samplesOf), 8000)))"
    given = [[encoded(channel) for channel in both.T] for both in made]
    for text, both in zip(call(new_page(), "decoding/channels.js", body, given), made, strict=True):
        np.testing.assert_allclose(decoded(text), to_mono(both, 8000), rtol=0, atol=1e-7)


def test_other_files_give_the_answers_of_python(new_page: NewPage) -> None:
    files = {str(path): path.read_bytes() for path in PACK + CASES}
    files = {name: data for name, data in files.items() if not _is_ours(data)}
    for path in PACK[::10]:
        samples, rate_hz = read_clip(path.read_bytes())
        files[f"{path} as Opus"] = wav(np.asarray(soxr.resample(samples, rate_hz, 48_000)), 48_000, "OGG", "OPUS")
        files[f"{path} in stereo"] = wav(np.repeat(samples, 2, axis=1) * [0.8, -0.8], rate_hz)
    predictor, page = Predictor.load(), new_page()
    found = call(page, "decoding/sound.js", WAVEFORMS, [*map(packed, files.values())])
    mine = predictor.predict([ModelInput(None, speech_window(decoded(text))) for text in found])
    theirs = predictor.predict([ModelInput(None, decode_audio(data)) for data in files.values()])
    for name, page_answer, answer in zip(files, mine, theirs, strict=True):
        assert page_answer.label == answer.label, name
        near = abs(answer.confidence - predictor.thresholds.audio_confidence[answer.label]) < 0.01
        assert page_answer.decision == answer.decision or near, name
        assert abs(page_answer.confidence - answer.confidence) < 0.025, name  # at most 0.016, of an unsure answer


def test_formats_that_python_does_not_read_are_decoded(new_page: NewPage) -> None:
    """What phones and browsers record, as far as the browser plays it."""
    files = [(OTHER_FORMATS / "browser_webm_named.wav").read_bytes(), wav(tone(1.0), 8000, "MP3", "MPEG_LAYER_III")]
    for text in call(new_page(), "decoding/sound.js", WAVEFORMS, [*map(packed, files)]):
        assert np.abs(decoded(text)).max() > 0.01


def test_unusable_sounds_have_a_code_each(new_page: NewPage) -> None:
    expected = {
        "silent": [wav(np.zeros(8000)), wav(tone(level=4e-4)), wav(np.full(8000, 0.3))],
        "too_long": [wav(tone(10.01)), wav(tone(11), 8000, "FLAC"), bytes(2 * 1024 * 1024 + 1)],
        "unreadable": [b"", b"RIFF", b"no sound", wav(tone())[:60], wav(tone(0.04)), wav(tone())[:12], bytes(1000)],
    }
    files = [packed(data) for several in expected.values() for data in several]
    found = call(new_page(), "decoding/sound.js", WAVEFORMS, files)
    assert [error["code"] for error in found] == [code for code, several in expected.items() for _ in several]
    for error in found:
        assert error["message"].startswith("expected "), error


def test_hours_in_a_small_file_are_not_decoded(new_page: NewPage) -> None:
    """Silence compresses so well that the browser would fill its memory."""
    page = new_page()
    refuse = "() => { throw new Error('decoded') }"
    page.evaluate(f"() => {{ OfflineAudioContext.prototype.decodeAudioData = {refuse} }}")
    hour = np.zeros(3600 * 8000)
    files = [wav(hour, 8000, "FLAC"), wav(hour[: 600 * 8000], 8000, "OGG", "OPUS"), wav(tone(9.9), 8000, "OGG", "OPUS")]
    assert max(map(len, files)) < 2 * 1024 * 1024
    found = call(page, "decoding/sound.js", WAVEFORMS, [*map(packed, files)])
    assert [error["code"] for error in found] == ["too_long", "too_long", "unreadable"]
