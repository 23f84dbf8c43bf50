"""Writes the model card: what the weights were trained on, how accurate they are, and where they fail."""

from typing import Any, get_args

from mmdigit.reading.decision import DEFAULT_TARGET_ERROR, HEADS
from mmdigit.reading.metadata import RiskTable
from mmdigit.training.evaluate.report import main_table
from schemas import VERSION
from schemas.prediction import Reason

TARGET_ERRORS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)

SOURCES = (
    ("MNIST (LeCun, Cortes, Burges)", "handwritten digits; by writer", "CC BY-SA 3.0"),
    ("Semeion (UCI), 1,592 digits of about 80 Italians", "handwritten digits", "CC BY 4.0"),
    (
        "Sudoku cells (Wicht and Hennebert), some of the 218 digits and of the empty boxes",
        "digits and empty boxes, photographed",
        "CC BY 4.0",
    ),
    ("Omniglot (Lake), six alphabets", "written negatives", "MIT"),
    ("FSDD v1.0.10 (Jakobovski et al.), recordings 5-49", "spoken digits, 5-9 for validation", "CC BY-SA 4.0"),
    (
        "Speech Commands (Warden), 438 digits of 228 people, 1,618 words and noises",
        "spoken digits and negatives; every fifth person for validation",
        "CC BY 4.0",
    ),
    ("AudioMNIST (Becker et al.), 503 digits of 21 people", "the same", "MIT"),
    (
        "Prompts of 13 voices, 129 digits",
        "the same",
        "MIT, BSD, Apache-2.0, CC BY 4.0, by voice",
    ),
    ("cs566 course recordings, 578 digits", "spoken digits, two speakers of Indian English", "Apache-2.0, MIT"),
    ("Laptop commands, 600 digits and 735 words of one man", "spoken digits and negatives", "MIT"),
    ("460 digits in 54 voices of Kokoro-82M", "spoken digits", "Apache-2.0"),
    (
        "{spoken_digits} digits and {spoken_words} other words by Kokoro-82M with mixed voices, espeak-ng (English and "
        "88 other languages' accents), flite and festival",
        "spoken digits; spoken negatives",
        "output of programs under Apache-2.0, GPL-3.0, BSD-like and GPL-2.0/LGPL",
    ),
)
"""Data, use, licence; {} = a figure of the training plan."""


def model_card(metadata: dict[str, Any]) -> str:
    """MODEL_CARD.md, from the exported metadata with the figures of its test run."""
    plan, training, validation = metadata["training"]["plan"], metadata["training"], metadata["validation"]
    speakers = ", ".join(f"{who} {100 * share:.1f} %" for who, share in metadata["test"]["audio_by_speaker"].items())
    sources = "\n".join(f"| {data.format_map(plan['audio'])} | {use} | {licence} |" for data, use, licence in SOURCES)
    folds = " --folds runs/folds" if validation["left_out_speakers"] else ""
    folds += " --writers runs/writers" if "without its writer" in validation["image"]["split"] else ""
    fixed, conflict = metadata["thresholds"], validation["conflict"]
    epochs = {stage: plan[stage]["epochs"] for stage in ("image", "calm", "audio", "fusion") if stage in plan}
    teachers = "".join(f" --teachers runs/teacher-{1 + number}" for number in range(len(plan.get("teachers", ()))))
    taught = f" with {len(plan['teachers'])} larger teachers" if teachers else ""
    head = f", {epochs['fusion']} of the fused head" if "fusion" in epochs else ""
    quantized = metadata["quantization"]
    losses = ", ".join(f"{stage} {training['last_epochs'][stage]['loss']}" for stage in epochs)
    return f"""# Model card: {metadata["model_version"]}

## Model details

Reads a digit that was written (28x28 pixels), spoken in English (1 s at 8 kHz), or both: a convolutional network of
four layers, a recurrent one of one layer, and a fused head on both embeddings. {metadata["parameters"]} parameters, one
ONNX file, SHA-256 `{metadata["sha256"]}`, Apache-2.0. docs/design/model.md describes it.

## Intended use

Numbers on forms that are read aloud or not, digit by digit, where doubtful answers go to a person. Not for deciding
about people, for telling who speaks or writes, for languages other than English, or for any use in which nobody looks
at what goes to review.

## Evaluation on the official test splits

Made by `mmdigit export --data DIR --training runs/seed-{plan["seed"]}{folds} --output mmdigit/reading/weights`;
`mmdigit evaluate --data DIR --output DIR` measures the shipped file again.
Measured {metadata["test"]["measured_at"]}, one seed ({plan["seed"]}).

{main_table(metadata["test"])}

By FSDD speaker: {speakers}.

## Evaluation by group

By digit, at the target error {DEFAULT_TARGET_ERROR:g}. Accepted: share of the official test split, after all reasons
for review:

| | {" | ".join(map(str, range(10)))} |
|---|{"---|" * 10}
{_by_digit(metadata)}

{_groups(validation["audio"])}## Calibration, on held-out writers and speakers

Probabilities are softmax(logits / temperature). ECE: expected calibration error, 15 bins.

| head | held out | answers | accuracy | temperature | ECE before | ECE |
|---|---|---|---|---|---|---|
{_calibration(metadata)}

## Thresholds, by target error

`MMDIGIT_TARGET_ERROR` or `--target-error`: an answer is accepted from the lowest confidence at which the one-sided
95 % upper bound of the error among the accepted held-out answers meets the target. If there is no such confidence, the
data are too few or the head is too weak to show the target ("not shown"): then the calibrated confidences of the
accepted answers have to meet it on average, from the confidence with the lowest bound on, and the worker logs this when
it starts. Images have a confidence for each digit, so that the same share of every digit is accepted. Digits that were
found in a picture (photographs) have temperature and confidences of their own, measured on renderings of photographs
and scans; digits of 28x28 that are laid out as MNIST's, as the boxes of forms are, have those of the image head.

| head | target error | accepted from | share accepted | error among them | 95 % bound | |
|---|---|---|---|---|---|---|
{_thresholds(metadata)}

At every target error: `not_a_digit` above a novelty of {fixed["image_novelty"]:g} (image) or
{fixed["audio_novelty"]:g} (audio), which about 0.5 % of the validation digits exceed; `conflict` if the two labels
differ and the probability that both are the same digit is below {fixed["agreement"]:.4g}, as it is for
{100 * conflict["false_alarms"]:.2f} % of the pairs of the same digit and {100 * conflict["detected"]:.2f} % of those of
different digits ({conflict["split"]}).

Sent to review on the validation split, at the target error {validation["reviews"]["target_error"]:g}:

| input | digits | low confidence | conflict | not a digit | several digits | crossed out | review in total |
|---|---|---|---|---|---|---|---|
{_reviews(validation["reviews"])}

## Training

`mmdigit train --data DIR{teachers} --output runs/seed-{plan["seed"]}`: {epochs["image"]} epochs of images and
{epochs["calm"]} with weaker distortion, {epochs["audio"]} epochs of audio{taught}{head};
the moving average of each stage's last epoch (no epoch and no seed was selected); last losses: {losses}. Torch
and ONNX Runtime agree within {metadata["parity"]["largest_difference"]:.1e} in every output on
{metadata["parity"]["pairs"]} random pairs. Then all convolutions except the image encoder's first were quantized to
8-bit integers, which changes the answers to {quantized["image"]["changed"]} of {quantized["image"]["samples"]}
validation digits and {quantized["audio"]["changed"]} of {quantized["audio"]["samples"]} validation clips.

## Data and licences

| data | for | licence |
|---|---|---|
{sources}

## Limits

- Training used other recordings of the speakers in the audio figure; accuracy on unseen speakers is lower
  (docs/results/evaluation.md).
- English digits only. "oh" for zero was trained on synthetic voices only.
- Each bound is that of its row. It holds for people and pens like the held-out ones and assumes independent answers,
  but digits of one person are alike. Other microphones, accents or pens need figures of their own.
- Photographs and scans are measured on renderings of MNIST digits only; MNIST's writers are American.
- `novelty` misses characters that look like digits, such as O, I, S and Z.

## Ethical considerations

Most recorded speakers are men with a European or American accent; other accents err more often and are more often
sent to review, so that those people wait longer for their answers. The table above has high voices, which are few;
children were not measured. A voice is personal data: the model keeps none of it, and nothing in it tells who spoke. The
recordings were published for research by people who gave them; no customer's data is in the weights.

## Carbon

The whole recipe runs on two cores in about three hours, with the two teachers, the calibration and the fused heads:
about 0.1 kWh, reckoned at 15 W a core. Trainings that were not kept took many times that.

## How to cite

```bibtex
@software{{mmdigit,
  title   = {{mmdigit: reading digits that were both written and spoken}},
  author  = {{{{The mmdigit maintainers}}}},
  version = {{{VERSION}}},
  year    = {{{metadata["test"]["measured_at"][:4]}}},
  note    = {{model {metadata["model_version"]}, SHA-256 {metadata["sha256"][:16]}}}
}}
```
"""


def _calibration(metadata: dict[str, Any]) -> str:
    rows = []
    temperatures = dict(metadata["temperature"])
    if "photographs" in metadata["validation"]:
        temperatures["photographs"] = metadata["photographs"]["temperature"]
    for head, temperature in temperatures.items():
        figures = metadata["validation"][head]
        rows.append(
            f"| {head} | {figures['split']} | {figures['total']} | {100 * figures['accuracy']:.2f} % "
            f"| {temperature:.3f} | {100 * figures['ece_uncalibrated']:.2f} % "
            f"| {100 * figures['ece']:.2f} % |"
        )
    return "\n".join(rows)


def _groups(figures: dict[str, Any]) -> str:
    """The table of who spoke; empty for a file calibrated by an older release."""
    rows = [
        f"| {row['group']} | {row['people']} | {row['clips']} | {100 * row['accuracy']:.1f} % "
        f"| {100 * row['mean_over_people']:.1f} % | {100 * row['accepted']:.1f} % | {row['wrong_accepted']} |"
        for row in figures.get("groups", ())
    ]
    if not rows:
        return ""
    lines = "\n".join(rows)
    return f"""Speech alone, by data set and by the pitch of the voice, at the target error {DEFAULT_TARGET_ERROR:g}:

| who | people | clips | right | mean over people | accepted | wrong among them |
|---|---|---|---|---|---|---|
{lines}

"""


def _thresholds(metadata: dict[str, Any]) -> str:
    lines = []
    tables = dict(metadata["risk"])
    if "photographs" in metadata:
        tables["photographs"] = metadata["photographs"]["risk"]
    for head, table in tables.items():
        risk = RiskTable.model_validate(table)
        for target in TARGET_ERRORS:
            point = risk.operating_point(target)
            row = next(row for row in risk.by_digit or risk.rows if row.confidences == point.confidences)
            lines.append(
                f"| {head} | {target:g} | {point.describe()} | {100 * row.coverage:.2f} % | {100 * row.error:.3f} % "
                f"| {100 * row.bound:.3f} % | {'' if point.meets_target else 'not shown'} |"
            )
    return "\n".join(lines)


def _by_digit(metadata: dict[str, Any]) -> str:
    confidences = RiskTable.model_validate(metadata["risk"]["image"]).operating_point(DEFAULT_TARGET_ERROR).confidences
    coverage = metadata["test"]["accepted_by_digit"]
    rows = [("accepted from, image", [f"{confidence:.4f}" for confidence in confidences])]
    rows += [(f"accepted, {head}", [f"{100 * share:.1f} %" for share in coverage[head]]) for head in HEADS]
    return "\n".join(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)


def _reviews(reviews: dict[str, Any]) -> str:
    rows = []
    for name in ("image", "audio", "both"):
        shares = [reviews[name][reason] for reason in (*get_args(Reason), "review")]
        cells = " | ".join(f"{100 * share:.2f} %" for share in shares)
        rows.append(f"| {name} | {reviews[name]['total']} | {cells} |")
    return "\n".join(rows)
