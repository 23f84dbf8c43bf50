"""docs/results/strings.md, from lab/results/strings.json."""

from typing import Any

from lab.benchmarks.strings import fields, worded
from lab.kit.machine import machine_line

NAMES = {
    "300": "pauses of 300 ms",
    "100": "100 ms",
    "50": "50 ms",
    "20": "20 ms",
    "0": "0 ms",
    "-40": "run together: 40 ms overlap",
    "clean": "clean",
    "20 dB": "noise at 20 dB",
    "10 dB": "noise at 10 dB",
    "phone": "telephone band, mu-law",
    "fsdd": "FSDD's test recordings; its six speakers are in training",
    "speech-commands": "Speech Commands, voices mixed, unseen",
    "audiomnist": "AudioMNIST, unseen",
    "prompts": "prompts, one unseen voice",
    "all": "all",
}
TOP = """\
# Strings of digits: what is heard right

Eight digits, joined from single recordings that no training has heard, at several pauses and in several sounds. A
number counts as right if all its digits are. *Exact cuts* are the model's answers where the cuts are given; the other
columns are shares of that, with 95 % intervals that take the numbers as independent, although the same recordings come
back in many of them. The constants were fitted on other people.

"""
GOALS = """
Goals: count known, at least 95 % at pauses of 50 ms and more, at least 85 % run together; count unknown, at least 85 %;
of the real recording, 14 of 15 digits; at most 60 ms of CPU.
Sound alone is never accepted: *acceptable* are numbers whose only reason for review is that nobody has confirmed them.
"""


TRIED = """
## What was tried

Where digits may begin and end decides how well fluent speech is read. On numbers for tuning, right with the count known
and unknown (2026-11-29, a one-off with the parts of `lab.benchmarks.strings.calibrating`; *one breath* is by voices of
espeak-ng and Kokoro, in numbers that the training has not heard; *telephone* are 96 others of the people for tuning):

| places, and the listener | 70 joined | 128 in one breath | 72 joined, with a word | 96 by telephone | spans a number |
|---|---|---|---|---|---|
| every 80 ms of speech; former listener | 64, 61 | 77, 62 | 48, 38 | - | 217 |
| where digits are heard; former listener | 63, 61 | 90, 62 | 46, 37 | 85, 83 | 100 |
| both; the listener retrained for 8 epochs | 64, 61 | 100, 82 | 62, 56 | - | 232 |
| where digits are heard; retrained for 8 epochs | 63, 62 | 100, 81 | 62, 57 | - | 100 |
| where digits are heard; as shipped | 65, 61 | 100, 84 | 64, 59 | 79, 76 | 100 |

The former listener reads all 15 digits of the real recording rightly at these places; the shipped one takes its "nine"
for "double". The mean of both also reads it rightly, but 10 fewer of the 128 in one breath, the count unknown. By
telephone the shipped one reads 6 and 7 fewer of 96. The listener alone, after 8 epochs, reads 104 of the 128 in one
breath, and 6 of the 72 with a word.

A word that changes a number costs 4 of the logarithm of its odds: from 3 to 6, no number without words changes.
"""

FIELDS = """\

## Fields that are written and read aloud

Fields of eight boxes with the digits of one MNIST test writer, which one of these people reads aloud (`mmdigit form
read --recordings`, without paper and camera; [Forms](../use/forms.md#fields-that-are-read-aloud)). *Wrong*: of the
accepted ones. A *slip of the pen*: one box holds another digit than is said; it is caught unless the field is
accepted with it. Each digit is cut out of the recording by the writing of the others. Where its own writing helped,
too, more fields were accepted, and only 85 % of the slips caught (on the people for tuning).

Goals: 92 % accepted, at most 0.02 % of them wrong (none was; for that bound, it takes 15,000 fields), 98 % of the slips
caught. What is short of the first lies where digits run together, and by telephone.

"""


WORDS = """
## Double, triple and no

Numbers in which six digits are said, and before or after one of them a word that changes the number; and six digits
without such a word. *Joined*: from single recordings of unseen people, pauses of 100 and 20 ms, clean, at 20 dB and in
the telephone band, with "no" of other unseen people. *In one breath*: all by one synthetic voice. "Double" and "triple"
are nobody's recordings: they are spoken by {voices}, whose voices taught digits, but none of these words.

"""


def page(result: dict[str, Any], spoken_fields: dict[str, Any], with_words: dict[str, Any]) -> str:
    """The page of the documentation. spoken_fields: of lab.benchmarks.strings.fields; with_words: of ... .worded."""
    numbers = f"{TOP}```\n{result['command']} --output lab/results/strings.json\n```\n\n{table(result)}\n{TRIED}"
    both = spoken_fields["all"]["writing and speech"]
    bound = f"At most {100 * both['wrong_at_most']:.2f} % of those accepted with speech are wrong (95 %)."
    command = f"```\n{spoken_fields['command']} --output lab/results/spoken_fields.json\n```\n\n"
    of_fields = f"{FIELDS}{command}{fields.table(spoken_fields)}\n\n{bound} {spoken_fields['model_version']}.\n"
    words = WORDS.format(voices=" and ".join(with_words["voices"]))
    command = f"```\n{with_words['command']} --output lab/results/worded.json\n```\n\n"
    return f"{numbers}{words}{command}{worded.table(with_words)}\n{of_fields}"


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        "| | numbers | exact cuts | count known | count unknown | acceptable, count known | wrong among them |",
        "|---|---|---|---|---|---|---|",
    ]
    groups = [result["pauses"], result["sounds"], result["sources"], {"all": result["all"]}]
    lines += [_row(NAMES.get(name, name), row) for group in groups for name, row in group.items()]
    lines += [_row(f"run together, {NAMES.get(name, name)}", row) for name, row in result["run_together"].items()]
    lines += [
        GOALS,
        "| a minute of | recordings of 5 s | no digit heard | digits heard | acceptable |",
        "|---|---|---|---|---|",
    ]
    for name, row in result["nothing"].items():
        lines.append(
            f"| {name} | {row['recordings']} | {row['without_digits']} | {row['digits']} | {row['acceptable']} |"
        )
    lines += ["", "| a real recording | heard | digits right, in order |", "|---|---|---|"]
    for row in result["real"]:
        known = "count known" if row["count_known"] else "count unknown"
        lines.append(f"| {row['said']}, {known} | {row['heard'] or '-'} | {row['right']} of {len(row['said'])} |")
    lines += [
        "",
        f"CPU of a number of eight digits, median: {result['cpu_ms']:.0f} ms. {result['model_version']}; "
        f"{machine_line(result['machine'])}.",
    ]
    return "\n".join(lines)


def _row(name: str, row: dict[str, Any]) -> str:
    known, unknown = (
        f"{100 * row[each]['share']:.0f} % ({100 * row[each]['low']:.0f}-{100 * row[each]['high']:.0f})"
        for each in ("known", "unknown")
    )
    exact, wrong = f"{100 * row['exact']:.0f} %", row["wrong_among_them"]
    return f"| {name} | {row['numbers']} | {exact} | {known} | {unknown} | {row['acceptable']} | {wrong} |"
