"""Synthesizes speech for training: digits in many voices and accents, and other words.

Seeded and cached. Every synthesizer is optional: the installed ones share the work, a line names each missing one.
"""

import hashlib
import itertools
import json
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmdigit.reading.audio.normalize import FRAME, HOP, SAMPLE_RATE_HZ, Waveform, read_waveform
from mmdigit.training.data.kokoro import kokoro
from mmdigit.training.data.pronunciations import NUMBER_WORDS
from mmdigit.training.data.speech_engines import ENGINES, Engine, Utterance, run
from mmdigit.training.data.splits import Clip
from mmdigit.training.data.spoken_strings import SpokenString, trim
from mmdigit.training.data.utterances import plan_clips, plan_number_words, plan_strings
from schemas.errors import DataError, InvalidAudio

MAX_DIGIT_S, MAX_OTHER_S, MAX_STRING_S = 1.6, 2.5, 4.7
MIN_SPEECH_S = 0.1
SPEECH_FLOOR_DB = -40.0  # relative to the loudest frame: anything below is not speech
ABOVE_NOISE_DB, MAX_FLOOR_DB = 9.0, -14.0  # speech also has to be this far above the voice's own noise
QUIET_FRAMES = 10  # 0.1 s: the quietest such stretch is the voice's noise
PAUSE_S = 0.25  # longer than the closure in "eight" or the gap between two digits in a row
MARGIN_S = 0.03  # kept on both sides of the speech
CHUNK = 40  # utterances per run of a synthesizer
EMPTY = np.zeros(0, np.float32)

Extract = Callable[[Waveform, Utterance], Waveform]


def synthesize_clips(cache: Path, n_digits: int, n_words: int, seed: int, data: Path | None = None) -> list[Clip]:
    """Digits and other words in many voices, from the cache if the same set was made before.

    n_digits, n_words: how many clips to make; a few are silent or too long and are dropped; data: the folder of the
    data sets, which may hold a synthesizer's files. Clip.source names the engine, Clip.speaker the voice. The first
    call takes minutes and shows its progress on stderr. Returns [] if no synthesizer is installed. Raises DataError if
    the cached file is damaged.
    """
    console = Console(stderr=True)
    engines = _installed(data, console)
    if not engines:
        return []
    plan = plan_clips(list(engines), n_digits, n_words, seed)
    clips = []
    for number, (utterance, waveform) in enumerate(
        zip(plan, _spoken(cache, engines, plan, _word, console), strict=True)
    ):
        if waveform.size:
            label = utterance.label if utterance.label >= 0 else None
            clips.append(Clip(waveform, label, utterance.engine, utterance.voice, number))
    for engine in engines:
        planned = sum(utterance.engine == engine.name for utterance in plan)
        made = sum(clip.source == engine.name for clip in clips)
        if made < planned / 2:
            console.print(f"expected {planned} clips from {engine.name}, got {made} usable ones; reinstall it")
    return clips


def synthesize_number_words(cache: Path, count: int, seed: int, data: Path | None = None) -> list[Clip]:
    """Clips of NUMBER_WORDS, each as often as the others, which Clip.word names; otherwise as synthesize_clips."""
    console = Console(stderr=True)
    engines = _with_number_words(_installed(data, console))
    if not engines or not count:
        return []
    plan = plan_number_words(list(engines), count, seed)
    spoken = zip(plan, _spoken(cache, engines, plan, _word, console), strict=True)
    return [
        Clip(waveform, None, utterance.engine, utterance.voice, number, NUMBER_WORDS[number % len(NUMBER_WORDS)])
        for number, (utterance, waveform) in enumerate(spoken)
        if waveform.size
    ]


def synthesize_strings(cache: Path, count: int, seed: int, data: Path | None = None) -> list[SpokenString]:
    """Numbers of STRING_LENGTHS digits, said in one breath, with NUMBER_WORDS in half of them; otherwise as
    synthesize_clips."""
    console = Console(stderr=True)
    engines = _with_number_words(_installed(data, console))
    if not engines or not count:
        return []
    plan, tokens = plan_strings(list(engines), count, seed)
    spoken = zip(_spoken(cache, engines, plan, _string, console), tokens, strict=True)
    return [SpokenString(waveform, said) for waveform, said in spoken if waveform.size]


def _with_number_words(engines: Mapping[Engine, str]) -> dict[Engine, str]:
    """The engines that have voices with spellings of NUMBER_WORDS, with those alone."""
    able = {
        replace(engine, lexicons=tuple(lexicon for lexicon in engine.lexicons if lexicon.number_words)): version
        for engine, version in engines.items()
    }
    return {engine: version for engine, version in able.items() if engine.lexicons}


def _installed(data: Path | None, console: Console) -> dict[Engine, str]:
    """The synthesizers that can be used, with a hash that identifies each one's version."""
    engines = {}
    neural = None if data is None else kokoro(data / "kokoro")
    if neural is None:
        console.print("no speech from kokoro-mixed: its files are not there (docs/use/data.md)")
    for engine in (*ENGINES, *([] if neural is None else [neural])):
        usable, version = _check_engine(engine)
        if isinstance(usable, str):
            console.print(f"no speech from {engine.name}: {usable}")
        else:
            engines[usable] = version
    return engines


def _spoken(
    cache: Path, engines: Mapping[Engine, str], plan: Sequence[Utterance], extract: Extract, console: Console
) -> list[Waveform]:
    """A waveform for every utterance of the plan, in its order; empty where none is usable."""
    key = json.dumps([list(engines.values()), [astuple(utterance) for utterance in plan]])
    path = cache / f"speech-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _write(path, _speak_all(list(engines), plan, extract, console))
    return _read(path)


def _check_engine(engine: Engine) -> tuple[Engine | str, str]:
    """The engine with its installed voices, or why it cannot be used; and a hash that identifies its version."""
    program = engine.program if Path(engine.program).is_file() else shutil.which(engine.program)
    if program is None:
        return f"{engine.program} is not installed", ""
    try:
        voice_list = run([program, *engine.listing]).decode(errors="replace") if engine.listing else ""
    except (OSError, subprocess.SubprocessError) as exc:
        return f"{engine.program} is broken ({exc})", ""
    names = set(voice_list.replace("(", " ").replace(")", " ").split())
    lexicons = []
    for lexicon in engine.lexicons:
        voices = tuple(voice for voice in lexicon.voices if voice in names or not engine.listing)
        if voices:
            lexicons.append(replace(lexicon, voices=voices))
    if not lexicons:
        return f"{engine.program} has none of its voices", ""
    usable = replace(engine, program=program, lexicons=tuple(lexicons))
    voice = lexicons[0].voices[0] + engine.variants[0]
    sample = Utterance(engine.name, voice, lexicons[0].digits[9][0], 9, 0.5, 1.0, 1.0)
    (spoken,) = _speak(usable, [sample], _word)
    if not spoken.size:
        return f"{engine.program} is broken (it produces no speech)", ""
    return usable, hashlib.sha256(voice_list.encode() + spoken.tobytes()).hexdigest()


def _speak_all(
    engines: Sequence[Engine], plan: Sequence[Utterance], extract: Extract, console: Console
) -> list[Waveform]:
    by_name = {engine.name: engine for engine in engines}
    chunks = []
    order = sorted(range(len(plan)), key=lambda number: (plan[number].engine, plan[number].voice, number))
    for _, group in itertools.groupby(order, key=lambda number: (plan[number].engine, plan[number].voice)):
        numbers = list(group)
        chunks += [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]

    def speak(numbers: Sequence[int]) -> list[Waveform]:
        return _speak(by_name[plan[numbers[0]].engine], [plan[number] for number in numbers], extract)

    clips: list[Waveform] = [EMPTY] * len(plan)
    columns = (TextColumn("speech"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ThreadPoolExecutor(2) as pool, Progress(*columns, console=console) as progress:
        task = progress.add_task("speech", total=len(plan))
        for numbers, spoken in zip(chunks, pool.map(speak, chunks), strict=True):
            for number, waveform in zip(numbers, spoken, strict=True):
                clips[number] = waveform
            progress.advance(task, len(numbers))
    return clips


def _speak(engine: Engine, utterances: Sequence[Utterance], extract: Extract) -> list[Waveform]:
    """If a run fails, try each half of its utterances, so that a word that crashes a voice drops no other word."""
    try:
        files = engine.speak(engine.program, utterances)
    except (OSError, subprocess.SubprocessError):
        if len(utterances) == 1:
            return [EMPTY]
        half = len(utterances) // 2
        return _speak(engine, utterances[:half], extract) + _speak(engine, utterances[half:], extract)
    return [extract(_decode(file, utterance), utterance) for file, utterance in zip(files, utterances, strict=True)]


def _decode(file: bytes, utterance: Utterance) -> Waveform:
    """A WAV file scaled to the speaker's size, (n_samples,); empty if it is none."""
    if file[:4] != b"RIFF" or file[12:16] != b"fmt ":
        return EMPTY
    # At another sampling rate, the same samples sound like a smaller or larger speaker.
    rate_hz = round(struct.unpack_from("<I", file, 24)[0] * utterance.size)
    try:
        return read_waveform(file[:24] + struct.pack("<I", rate_hz) + file[28:])
    except InvalidAudio:
        return EMPTY


def _word(waveform: Waveform, utterance: Utterance) -> Waveform:
    """The speech, (n_samples,); empty if there is none or too much."""
    speech = _trim(waveform)
    longest_s = MAX_DIGIT_S if utterance.label >= 0 else MAX_OTHER_S
    return speech if MIN_SPEECH_S <= speech.size / SAMPLE_RATE_HZ <= longest_s else EMPTY


def _string(waveform: Waveform, _: Utterance) -> Waveform:
    """As _word, with the pauses in it."""
    speech = trim(waveform) if waveform.size >= FRAME and waveform.any() else EMPTY
    return speech if MIN_SPEECH_S <= speech.size / SAMPLE_RATE_HZ <= MAX_STRING_S else EMPTY


def _trim(waveform: Waveform) -> Waveform:
    """The loudest stretch without a pause of PAUSE_S, and MARGIN_S on both sides. Some voices are noisy in pauses."""
    if waveform.size < FRAME + QUIET_FRAMES * HOP:
        return EMPTY
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME)[::HOP]
    level_db = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    level_db -= level_db.max()
    quietest_db = float(np.convolve(level_db, np.full(QUIET_FRAMES, 1 / QUIET_FRAMES), "valid").min())
    noise_db = min(quietest_db + ABOVE_NOISE_DB, MAX_FLOOR_DB)
    (loud,) = np.nonzero(level_db > max(SPEECH_FLOOR_DB, noise_db))
    stretches = np.split(loud, 1 + np.nonzero(np.diff(loud) * HOP > PAUSE_S * SAMPLE_RATE_HZ)[0])
    speech = max(stretches, key=lambda stretch: float((10 ** (level_db[stretch] / 10)).sum()))
    margin = round(MARGIN_S * SAMPLE_RATE_HZ)
    return waveform[max(int(speech[0]) * HOP - margin, 0) : int(speech[-1]) * HOP + FRAME + margin].copy()


def _write(path: Path, clips: Sequence[Waveform]) -> None:
    """Writes all clips as one array of 16-bit samples, and where each clip ends."""
    partial = path.with_suffix(".partial.npz")
    samples = np.concatenate(clips)
    np.savez(
        partial,
        samples=np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16),
        ends=np.cumsum([clip.size for clip in clips]),
    )
    partial.rename(path)


def _read(path: Path) -> list[Waveform]:
    try:
        with path.open("rb") as file, np.load(file) as stored:
            samples = stored["samples"].astype(np.float32) / 32767
            return np.split(samples, stored["ends"][:-1])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        raise DataError(f"expected synthetic speech in {path}, got a damaged file ({exc}); remove it") from exc
