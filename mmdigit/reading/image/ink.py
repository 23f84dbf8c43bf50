"""Finds the ink of one digit in an image: removes paper, uneven light, box lines and neighbouring digits.

All of it works on a copy of 64 to 128 pixels, so that the time does not depend on the size of the image.
"""

import cv2
import numpy as np

from mmdigit.reading.image.lines import otsu, remove_lines
from mmdigit.reading.image.pixels import Flags, Grey
from mmdigit.reading.image.polarity import ink_is_dark
from mmdigit.reading.image.several_digits import Parts, has_several_digits
from mmdigit.reading.percentiles import percentiles

cv2.setNumThreads(1)  # the images are small, and the worker has threads of its own


MIN_WORKING_SIDE, MAX_WORKING_SIDE = 64, 128  # pixels, the longest side
MIN_CONTRAST = 0.03  # of full range; anything fainter is not ink
MIN_SIGNAL = 3.0  # standard deviations of the paper's grain by which ink stands out
MAX_STROKE = 0.28  # of the longest side; anything wider is shade or paper
MAX_TIGHT_STROKE = 0.52  # the same for a black digit that fills the crop but leaves most of the border free
SHADOW_OFFSET = 0.2  # keeps the grain in deep shadow bounded
# How faint the continuation of a darker stroke may be, as a fraction of the ink threshold: on paper with other marks,
# and on clean paper.
FAINTER, FAINTEST = 0.6, 0.3
MIN_SIDE = 0.1  # of the longest side; anything smaller is not a digit


def find_ink(grey: Grey, bright_ink: bool | None = None) -> tuple[Grey, bool]:
    """The ink of the digit at each pixel, and whether the image holds another digit.

    grey: (height, width), range [0, 1], any size. bright_ink: None = detect it.
    Returns the ink with a longest side of 64-128 pixels, range [0, 1], 1 = ink; all zeros if there is no digit.
    """
    grey = _scaled(grey)
    blank = np.zeros_like(grey), False
    if float(grey.max() - grey.min()) < MIN_CONTRAST:
        return blank
    if bright_ink is None:
        bright_ink = not ink_is_dark(grey)
    dark = 1 - grey if bright_ink else grey
    ink, grain = _subtract_paper(dark)
    floor = max(MIN_CONTRAST, MIN_SIGNAL * grain)
    if float(ink.max()) < floor:
        return blank
    ink, had_lines = remove_lines(ink, floor)
    if float(ink.max()) < floor:
        return blank
    threshold = max(otsu(ink), 0.6 * floor)
    certain = ink > threshold
    (background,) = percentiles(ink[~certain], 90)  # high if lines or the other side of the sheet shine through
    fainter = max(min(max(FAINTEST * threshold, 2 * background), FAINTER * threshold), 0.6 * floor)
    core = _connected(ink > fainter, certain)
    digit, several = _digit_parts(core, ink, had_lines)
    if not bool(digit.any()):
        return blank
    (high,) = percentiles(ink[digit], 60)
    if high < floor:
        return blank
    (background,) = percentiles(ink[~core], 90)
    low = min(max(background, 1.5 * grain), 0.5 * high)
    near = cv2.dilate(digit.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(np.clip((ink - low) / (high - low), 0, 1) * near, np.float32), several


def _scaled(grey: Grey) -> Grey:
    longest = max(grey.shape)
    target = min(max(longest, MIN_WORKING_SIDE), MAX_WORKING_SIDE)
    if target == longest:
        return grey.astype(np.float32)
    scale = target / longest
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.clip(np.asarray(cv2.resize(grey.astype(np.float32), size, interpolation=method), np.float32), 0, 1)


def _subtract_paper(dark: Grey) -> tuple[Grey, float]:
    """The ink relative to the paper around it, (height, width), range [0, 1], and the grain of the paper (its standard
    deviation).

    dark: an image with dark ink. In even light, the paper is a plane. Otherwise it is the closing with a window wider
    than any stroke, which follows gradients and the hard edges of shadows (black top-hat; Serra 1982).
    """
    rough = 0.247 * percentiles(np.abs(_second_difference(dark)[::2, ::2]), 50)[0]  # Immerkaer 1996, by the median
    low, high = percentiles(dark[::2, ::2], 1, 99)
    sigma = 0.6 + min(1.2, 12 * max(0.0, rough / max(high - low, 1e-6) - 0.02))
    smooth = np.asarray(cv2.GaussianBlur(dark, (0, 0), sigma), np.float32)
    plane = _paper_plane(smooth)
    if plane is None:
        window = max(3, round(MAX_STROKE * max(dark.shape)))
        paper = np.asarray(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8)), np.float32)
    else:
        paper = np.maximum(plane, smooth)
    ink = (paper - smooth) / (paper + SHADOW_OFFSET)  # light multiplies: in shadow, ink takes away less
    # The closing lies on the crests of the grain, and the paper is a little darker.
    (level,) = percentiles(ink[::2, ::2], 25 if plane is None else 5)
    (median,) = percentiles(paper[::2, ::2], 50)
    grain = rough / (3.5 * sigma) / (median + SHADOW_OFFSET)  # white noise after smoothing: 1/(2 sqrt(pi) s)
    return np.clip(ink - level, 0, 1), grain


def _paper_plane(grey: Grey) -> Grey | None:
    """A plane fitted to the paper, (height, width), which holds even if strokes cover most of it; None = uneven light.

    The light counts as uneven if the dark area is wider than strokes, or not clearly separated from the paper.
    """
    low = float(grey.min())
    threshold = otsu(grey - low) + low
    dark = grey < threshold
    if bool(dark.all()) or not bool(dark.any()):
        return None
    share, bright = float(dark.mean()), float(grey[~dark].mean())
    apart = share * (1 - share) * (bright - float(grey[dark].mean())) ** 2 / max(float(grey.var()), 1e-9)
    depth = float(cv2.distanceTransform(np.pad(dark, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 3).max())
    border = float(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]).mean())
    widest = MAX_TIGHT_STROKE if apart > 0.8 and border < 0.3 else MAX_STROKE
    if apart < 0.75 or depth > 0.5 * widest * max(grey.shape):
        return None
    rows, columns = np.nonzero(grey > (threshold + bright) / 2)
    step = max(1, rows.size // 512)
    rows, columns = rows[::step], columns[::step]
    design = np.stack([rows, columns, np.ones(rows.size)], axis=1)
    down, right, level = np.linalg.lstsq(design, grey[rows, columns].astype(np.float64), rcond=None)[0]
    plane = down * np.arange(grey.shape[0])[:, None] + right * np.arange(grey.shape[1]) + level
    return np.asarray(np.clip(plane, 0, 1), np.float32)


def _second_difference(grey: Grey) -> Grey:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return np.asarray(cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _connected(inked: Flags, certain: Flags) -> Flags:
    """The parts of `inked` with at least one certain pixel (hysteresis; Canny 1986)."""
    count, part_of = cv2.connectedComponents(inked.astype(np.uint8), connectivity=8)
    kept = np.bincount(np.asarray(part_of)[certain & inked], minlength=count) > 0
    kept[0] = False
    return np.asarray(kept[part_of])


def _digit_parts(core: Flags, ink: Grey, had_lines: bool) -> tuple[Flags, bool]:
    """The inked pixels of the digit, which are its main part and the pieces near it; and whether there is another
    digit."""
    count, part_of, stats, centres = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    nothing = np.zeros(core.shape, bool), False
    if count < 2:
        return nothing
    height, width = core.shape
    longest = max(core.shape)
    left, top, wide, tall, area = stats[1:].T.astype(np.float64)
    right, bottom = left + wide, top + tall
    touches = (left <= 1).astype(int) + (top <= 1) + (right >= width - 1) + (bottom >= height - 1)
    mass = np.bincount(part_of.ravel(), ink.ravel(), count)[1:]
    offset = np.hypot((centres[1:, 0] - width / 2) / width, (centres[1:, 1] - height / 2) / height)
    sides = np.maximum(wide, tall)
    score = mass * sides * np.exp(-3 * offset**2 * 2) * np.where(touches > 0, 0.5, 1)
    main = int(score.argmax())
    if sides[main] < MIN_SIDE * longest * (1.5 if had_lines else 1):
        return nothing
    size = sides[main]
    kept = np.zeros(count, bool)
    kept[main + 1] = True
    # The distance of each pixel to the main part; that of a piece is the distance of its nearest pixel.
    distance = np.asarray(cv2.distanceTransform((part_of != main + 1).astype(np.uint8), cv2.DIST_L2, 3))
    for part in np.argsort(-area)[:40]:
        if part == main or area[part] < max(3, 0.015 * area[main]):
            continue
        box = np.s_[int(top[part]) : int(bottom[part]), int(left[part]) : int(right[part])]
        gap = float(distance[box][part_of[box] == part + 1].min())
        max_gap = 0.07 if touches[part] else 0.2 if area[part] < 0.15 * area[main] else 0.4
        kept[part + 1] = gap <= max_gap * size
    several = has_several_digits(Parts(left, top, right, bottom, area, mass.astype(np.float64)), main, height, width)
    return np.asarray(kept[part_of]), several
