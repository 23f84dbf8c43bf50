"""More speech for training, spoken by espeak-ng: digits by many voices, and other words as negatives.

Seeded; the clips are cached in a folder outside the repository. Optional: without espeak-ng nothing is made and the
training says so. Some voices and variants are never used here: the project's sample pack is spoken by them.
"""

import hashlib
import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mmdigit.audio import read_waveform
from mmdigit.training.data import Clip
from schemas.errors import InvalidAudio

VOICES = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc")
VARIANTS = (
    *("m1", "m2", "m4", "m7", "m8", "f1", "f3", "f5", "klatt", "klatt2", "klatt4", "Alex", "Alicia", "Andrea"),
    *("Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario"),
    *("Michael", "Mike", "Nguyen", "RicishayMax", "Storm", "adam", "anika", "announcer", "antonio", "aunty"),
    *("belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma", "grandpa", "gustave", "iven"),
    *("iven2", "john", "kaukovalta", "linda", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul"),
    *("pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "travis", "victor", "zac", "whisper"),
)
HELD_OUT = frozenset({"f2", "f4", "m3", "m5", "m6", "en-029", "en-gb-scotland"})  # the sample pack's

DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# No homophones of digits (to, too, for, ate, won), but many rhymes and near ones.
OTHER_WORDS = tuple(
    """
    yes no stop go left right up down on off house table water hello goodbye people woman man child school paper pencil
    window door street summer winter morning evening yellow orange purple green black white brown music doctor letter
    number plus minus times equals comma point percent dollar hundred thousand million ten eleven twelve twenty hate
    gate late wait height fight night fire fine mine line wine pine sign dive hive live drive free tree sea key tea she
    knee more door floor store pour war shoe blue true new who few zebra hero arrow narrow heaven level
    sick fix mix pick kicks stick sun run gun fun none done once when wand sierra alpha bravo charlie delta echo
    foxtrot golf hotel india juliet kilo mike november oscar papa quebec romeo tango uniform victor x-ray yankee zulu
    happy apple banana garden mountain river forest animal bird horse sheep dog cat computer telephone picture
    """.split()  # noqa: SIM905 - 150 quoted words would read worse
)


def synthesise(cache: Path, n_digits: int, n_words: int, seed: int) -> list[Clip]:
    """Digits and other words in many voices, from the cache if this very set was made before.

    n_digits, n_words: how many clips of each. Returns [] where espeak-ng is not installed.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        return []
    plan = _plan(n_digits, n_words, seed)
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"espeak-{hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:16]}.npz"
    if not path.exists():
        with ThreadPoolExecutor(2) as pool:
            spoken = list(pool.map(lambda entry: _speak(program, entry), plan))
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, **{str(number): clip for number, clip in enumerate(spoken)})  # type: ignore[arg-type]
        partial.rename(path)
    clips = []
    with np.load(path) as stored:
        for number, (label, _, voice, _, _) in enumerate(plan):
            waveform = stored[str(number)]
            if waveform.size:
                clips.append(Clip(waveform, label if label >= 0 else None, "espeak", voice, number))
    return clips


def _plan(n_digits: int, n_words: int, seed: int) -> list[tuple[int, str, str, int, int]]:
    """(label or -1, word, voice, pitch, words a minute) of every clip."""
    random = np.random.default_rng(seed)
    plan = []
    for number in range(n_digits + n_words):
        if number < n_digits:
            label = number % 10
            word = "oh" if label == 0 and random.random() < 0.25 else DIGIT_WORDS[label]
        else:
            label, word = -1, str(random.choice(OTHER_WORDS))
        voice = f"{random.choice(VOICES)}+{random.choice(VARIANTS)}"
        plan.append((label, word, voice, int(random.integers(15, 90)), int(random.integers(110, 220))))
    return plan


def _speak(program: str, entry: tuple[int, str, str, int, int]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """One word as (n_samples,) at 8 kHz; empty if this voice gives nothing for it."""
    _, word, voice, pitch, speed = entry
    command = [program, "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", word]
    wav = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - a fixed program and words
    # espeak-ng writes to a pipe and cannot know the length: it claims the largest. Put the true lengths in.
    wav = wav[:4] + (len(wav) - 8).to_bytes(4, "little") + wav[8:40] + (len(wav) - 44).to_bytes(4, "little") + wav[44:]
    try:
        return read_waveform(wav)
    except InvalidAudio:
        return np.zeros(0, np.float32)
