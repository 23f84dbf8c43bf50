"""Where the ink of one digit is in a picture: paper, light, box lines and neighbours are taken away.

Everything is decided on a copy of 64 to 128 pixels, so that the time does not depend on the picture.
"""

import cv2
import numpy as np

from mmdigit.reading.image.layout import Parts, holds_several
from mmdigit.reading.image.lines import otsu, without_lines
from mmdigit.reading.image.pixels import Flags, Grey
from mmdigit.reading.image.polarity import ink_is_dark
from mmdigit.reading.percentiles import percentiles

cv2.setNumThreads(1)  # the pictures are small, and the worker has threads of its own


SMALLEST, LARGEST = 64, 128  # pixels, the longest side that is worked on
LEAST_CONTRAST = 0.03  # of full range; fainter ink is none
LEAST_SIGNAL = 3.0  # ink stands out from the grain of the paper by so many standard deviations
WIDEST_STROKE = 0.28  # of the longest side; what is wider is shade or paper
WIDEST_TIGHT = 0.52  # the same of a black digit that fills the crop and leaves most of its border free
DARKEST = 0.2  # keeps the grain of deep shadow from growing without bound
# Of the threshold between ink and paper: so faint a stroke may be where it goes on from a darker one, on paper that
# shows something else, and on clean paper.
FAINTER, FAINTEST = 0.6, 0.3
LEAST_SIDE = 0.1  # of the longest side; what is smaller is no digit


def find_ink(grey: Grey, bright_ink: bool | None = None) -> tuple[Grey, bool]:
    """How much ink of the digit is at each pixel, and whether the picture holds another digit as well.

    grey: (height, width), range [0, 1], any size. bright_ink: None = find out.
    Returns the picture scaled to a longest side of 64-128 pixels, range [0, 1], 1 = ink; all zeros if there is
    no digit.
    """
    grey = _scaled(grey)
    blank = np.zeros_like(grey), False
    if float(grey.max() - grey.min()) < LEAST_CONTRAST:
        return blank
    if bright_ink is None:
        bright_ink = not ink_is_dark(grey)
    dark = 1 - grey if bright_ink else grey
    ink, grain = _above_paper(dark)
    floor = max(LEAST_CONTRAST, LEAST_SIGNAL * grain)
    if float(ink.max()) < floor:
        return blank
    ink, had_lines = without_lines(ink, floor)
    if float(ink.max()) < floor:
        return blank
    threshold = max(otsu(ink), 0.6 * floor)
    certain = ink > threshold
    (ground,) = percentiles(ink[~certain], 90)  # high where lines or the other side of the sheet shine through
    fainter = max(min(max(FAINTEST * threshold, 2 * ground), FAINTER * threshold), 0.6 * floor)
    core = _connected(ink > fainter, certain)
    chosen, several = _digit_parts(core, ink, had_lines)
    if not bool(chosen.any()):
        return blank
    (high,) = percentiles(ink[chosen], 60)
    if high < floor:
        return blank
    (ground,) = percentiles(ink[~core], 90)
    low = min(max(ground, 1.5 * grain), 0.5 * high)
    near = cv2.dilate(chosen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(np.clip((ink - low) / (high - low), 0, 1) * near, np.float32), several


def _scaled(grey: Grey) -> Grey:
    longest = max(grey.shape)
    wanted = min(max(longest, SMALLEST), LARGEST)
    if wanted == longest:
        return grey.astype(np.float32)
    scale = wanted / longest
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.clip(np.asarray(cv2.resize(grey.astype(np.float32), size, interpolation=method), np.float32), 0, 1)


def _above_paper(dark: Grey) -> tuple[Grey, float]:
    """Ink against the paper around it, (height, width), range [0, 1], and the paper's grain, its standard deviation.

    dark: dark ink. In even light the paper is a plane. Else it is what a closing wider than any stroke leaves: that
    follows slopes and the hard edges of shadows, as those are wider (black top-hat; Serra 1982).
    """
    rough = 0.247 * percentiles(np.abs(_second_difference(dark)[::2, ::2]), 50)[0]  # Immerkaer 1996, by the median
    low, high = percentiles(dark[::2, ::2], 1, 99)
    sigma = 0.6 + min(1.2, 12 * max(0.0, rough / max(high - low, 1e-6) - 0.02))
    smooth = np.asarray(cv2.GaussianBlur(dark, (0, 0), sigma), np.float32)
    even = _even_paper(smooth)
    if even is None:
        window = max(3, round(WIDEST_STROKE * max(dark.shape)))
        paper = np.asarray(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8)), np.float32)
    else:
        paper = np.maximum(even, smooth)
    ink = (paper - smooth) / (paper + DARKEST)  # light multiplies: in shadow, ink takes away less
    # The closing lies on the grain's crests, the paper a little lower.
    (level,) = percentiles(ink[::2, ::2], 25 if even is None else 5)
    (usual,) = percentiles(paper[::2, ::2], 50)
    grain = rough / (3.5 * sigma) / (usual + DARKEST)  # white noise after smoothing: 1/(2 sqrt(pi) s)
    return np.clip(ink - level, 0, 1), grain


def _even_paper(grey: Grey) -> Grey | None:
    """A plane through the paper, (height, width), where strokes may crowd it out; None = the light is not even.

    It is not if what is dark in the whole is more than strokes, or not clearly apart from the paper.
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
    widest = WIDEST_TIGHT if apart > 0.8 and border < 0.3 else WIDEST_STROKE
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
    """The parts of `inked` that hold something certain (hysteresis, Canny 1986)."""
    count, places = cv2.connectedComponents(inked.astype(np.uint8), connectivity=8)
    held = np.bincount(np.asarray(places)[certain & inked], minlength=count) > 0
    held[0] = False
    return np.asarray(held[places])


def _digit_parts(core: Flags, ink: Grey, had_lines: bool) -> tuple[Flags, bool]:
    """Which of the inked pixels are the digit's, its largest part and what belongs to that; and whether there is
    another digit."""
    count, places, stats, centres = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    nothing = np.zeros(core.shape, bool), False
    if count < 2:
        return nothing
    height, width = core.shape
    longest = max(core.shape)
    left, top, wide, tall, area = stats[1:].T.astype(np.float64)
    right, bottom = left + wide, top + tall
    touches = (left <= 1).astype(int) + (top <= 1) + (right >= width - 1) + (bottom >= height - 1)
    mass = np.bincount(places.ravel(), ink.ravel(), count)[1:]
    offset = np.hypot((centres[1:, 0] - width / 2) / width, (centres[1:, 1] - height / 2) / height)
    sides = np.maximum(wide, tall)
    score = mass * sides * np.exp(-3 * offset**2 * 2) * np.where(touches > 0, 0.5, 1)
    main = int(score.argmax())
    if sides[main] < LEAST_SIDE * longest * (1.5 if had_lines else 1):
        return nothing
    size = sides[main]
    kept = np.zeros(count, bool)
    kept[main + 1] = True
    # Distance from each pixel to the main part; a piece is as far as its nearest pixel.
    away = np.asarray(cv2.distanceTransform((places != main + 1).astype(np.uint8), cv2.DIST_L2, 3))
    for part in np.argsort(-area)[:40]:
        if part == main or area[part] < max(3, 0.015 * area[main]):
            continue
        box = np.s_[int(top[part]) : int(bottom[part]), int(left[part]) : int(right[part])]
        gap = float(away[box][places[box] == part + 1].min())
        allowed = 0.07 if touches[part] else 0.2 if area[part] < 0.15 * area[main] else 0.4
        kept[part + 1] = gap <= allowed * size
    several = holds_several(Parts(left, top, right, bottom, area, mass.astype(np.float64)), main, height, width)
    return np.asarray(kept[places]), several
