"""The model card: what the weights are made of, how well they do, and where they fail."""

from typing import Any

from mmdigit.training.evaluate import table


def model_card(metadata: dict[str, Any]) -> str:
    """MODEL_CARD.md, from the exported metadata with the figures of its own test run."""
    plan, training = metadata["training"]["plan"], metadata["training"]
    validation = metadata["validation"]
    limits = "\n".join(f"| {name} | {value:g} |" for name, value in metadata["thresholds"].items())
    rows = "\n".join(
        f"| {head} | {validation[head]['total']} | {100 * validation[head]['accuracy']:.2f} % "
        f"| {100 * validation[head]['accepted']:.2f} % | {100 * validation[head]['error_of_accepted']:.3f} % |"
        for head in ("image", "audio", "fused")
    )
    speakers = ", ".join(f"{who} {100 * share:.1f} %" for who, share in metadata["test"]["audio_by_speaker"].items())
    synthetic = f"{plan['spoken_digits']} digits and {plan['spoken_words']} other words"
    return f"""# Model card: {metadata["model_version"]}

Reads a digit that was written (28x28 picture), spoken in English (1 s at 8 kHz), or both.
{metadata["parameters"]} parameters, one ONNX file, SHA-256 `{metadata["sha256"]}`.

## Figures on the official test splits

Made by `mmdigit export --data DIR --training runs/train --output mmdigit/weights`;
`mmdigit evaluate --data DIR --output DIR` measures the shipped file again.
Measured {metadata["test"]["measured_at"]}, one seed ({plan["seed"]}).

{table(metadata["test"])}

By FSDD speaker: {speakers}.

## Thresholds, chosen on the validation split

| threshold | value |
|---|---|
{limits}

| head | validation answers | accuracy | accepted by its confidence | wrong among those |
|---|---|---|---|---|
{rows}

Validation: every tenth MNIST writer of the training set; FSDD recordings 5-9; every fifth Speech Commands speaker.

## Training

`mmdigit train --data DIR --output runs/train`: seed {plan["seed"]}, {training["epochs_done"]} epochs over the MNIST
training digits, the moving average of the last epoch's weights (no epoch was chosen), last loss
{training["last_epoch"]["loss"]}. Torch and ONNX Runtime agree within {metadata["parity"]["largest_difference"]:.1e} in
every probability on {metadata["parity"]["pairs"]} random pairs.

| data | for | licence |
|---|---|---|
| MNIST (LeCun, Cortes, Burges) | handwritten digits | CC BY-SA 3.0 |
| FSDD v1.0.10 (Jakobovski et al.), recordings 5-49 | spoken digits, 5-9 for validation | CC BY-SA 4.0 |
| Speech Commands (Warden), 338 clips (49 of them for validation) | spoken digits, 137 speakers | CC BY 4.0 |
| cs566 course recordings, 578 clips | spoken digits, two speakers of Indian English | Apache-2.0, MIT |
| espeak-ng, many voices, {synthetic} | spoken digits; negatives | output of a GPL-3.0 program |
| Omniglot (Lake), Balinese, Aramaic and Korean | written negatives | MIT |

## Limits

- The speakers of the audio figure were heard in training (other recordings of theirs); strangers are read less well:
  the validation accuracy on Speech Commands speakers who were not is
  {training["last_epoch"].get("validation_speech-commands", float("nan")):.1f} % of 49 clips, too few for a figure.
- English digits alone. "oh" for zero was heard from synthetic voices only.
- Confidences are not calibrated; the thresholds are. The conflict threshold is conservative: see the table.
- Photographed pictures with box lines or shadows are not measured here.
- `novelty` was trained on a few kinds of negatives; it misses letters that look like digits.
"""
