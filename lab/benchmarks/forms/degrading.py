"""What scanners, cameras and people do to a page, drawn at random from a seed."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lab.benchmarks.forms.camera import Camera, View
from lab.benchmarks.forms.filling import DPI, Grey

KINDS = ("scan", "turned", "photo", "bent", "fax", "pencil", "damaged")


@dataclass(frozen=True, eq=False)
class Scan:
    """pixels: (height, width), uint8. view: where each point of the page lies in it."""

    pixels: NDArray[np.uint8]
    view: View


def camera_of(kind: str, chance: np.random.Generator) -> Camera:
    """A camera as that kind of scan has it."""
    dpi = float(chance.choice([100, 150, 200, 300]))
    turn = chance.normal(0, 1.0) + 90 * chance.integers(4) * (chance.random() < 0.3)
    if kind == "turned":
        return Camera(dpi, chance.uniform(0, 360))
    if kind == "photo":
        return Camera(
            max(dpi, 130), chance.uniform(0, 360), chance.uniform(3, 30), chance.uniform(0, 360),
            chance.uniform(0, 3), chance.choice([0, 90]) + chance.normal(0, 10), chance.uniform(-0.02, 0.02), 25.0
        )  # fmt: skip
    if kind == "bent":
        return Camera(max(dpi, 130), turn, chance.uniform(2, 8), chance.uniform(0, 360),
                      chance.uniform(1, 5), chance.choice([0, 90]) + chance.normal(0, 10), 0.0, 15.0)  # fmt: skip
    return Camera(dpi, turn)


def degrade(
    page: Grey, size_mm: tuple[float, float], kind: str, chance: np.random.Generator, camera: Camera | None = None
) -> Scan:
    """The page as it comes out of a scanner or camera. page: at DPI, range [0, 1]. camera: None = one of that kind."""
    camera = camera or camera_of(kind, chance)
    page = damaged(page, chance) if kind == "damaged" else page
    view = View.of(camera, size_mm)
    where = view.to_page()
    sigma = 0.45 * DPI / camera.dpi
    soft = cv2.GaussianBlur(page, (0, 0), sigma) if sigma > 0.5 else page
    places = (where * DPI / 25.4 - 0.5).astype(np.float32)
    around = chance.uniform(0.1, 0.5) if kind in ("photo", "bent") else chance.choice([0.95, 0.1])
    seen = cv2.remap(soft, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderValue=float(around))
    seen = np.asarray(seen, np.float32) * np.float32(chance.uniform(0.85, 1.0))
    if kind in ("photo", "bent"):
        seen = seen * _light(where, size_mm, chance)
    blur = chance.uniform(0, 0.9)
    if blur > 0.3:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), blur), np.float32)
    if kind == "photo" and chance.random() < 0.3:
        seen = _motion(seen, chance)
    seen = seen + chance.normal(0, chance.uniform(0.002, 0.025), seen.shape).astype(np.float32)
    pixels = np.clip(seen * 255, 0, 255).astype(np.uint8)
    if kind == "fax":
        pixels = np.where(pixels > 150, 255, 0).astype(np.uint8)
    quality = int(chance.integers(40, 91))
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Scan(np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8), view)


def damaged(page: Grey, chance: np.random.Generator) -> Grey:
    """Two of: a stamp, a coffee ring, the other side shining through, a staple's shadow, a corner cut off, a marker
    covered. page: at DPI, range [0, 1]."""
    page = page.copy()
    height, width = page.shape
    px = DPI / 25.4
    for what in chance.choice(6, size=2, replace=False):
        x, y = int(chance.uniform(0.15, 0.85) * width), int(chance.uniform(0.15, 0.85) * height)
        layer = np.ones_like(page)
        if what == 0:
            box = cv2.boxPoints(((x, y), (45 * px, 18 * px), float(chance.uniform(-30, 30)))).astype(np.int32)
            cv2.polylines(layer, [box], True, 0.55, round(0.8 * px))
            stamp = np.full(page.shape, 255, np.uint8)  # text is drawn in bytes alone
            cv2.putText(
                stamp, "RECEIVED", (x - round(17 * px), y), cv2.FONT_HERSHEY_SIMPLEX, px / 7, 140, round(0.7 * px)
            )
            layer = np.minimum(layer, stamp / np.float32(255))
        elif what == 1:
            cv2.circle(layer, (x, y), round(38 * px), 0.75, round(3 * px))
            layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), px), np.float32)
        elif what == 2:
            layer = 1 - 0.15 * (1 - np.asarray(cv2.GaussianBlur(page[:, ::-1], (0, 0), 0.3 * px), np.float32))
        elif what == 3:
            cv2.line(layer, (round(12 * px), round(26 * px)), (round(23 * px), round(31 * px)), 0.1, round(0.9 * px))
        elif what == 4:
            side = round(chance.uniform(10, 28) * px)
            layer[:side, :side][np.add.outer(np.arange(side), np.arange(side)) < side] = 0
        else:
            left, top = [(0, 0), (0.46, 0), (0, 0.46), (0.46, 0.93)][chance.integers(4)]
            at = round(top * height + 8 * px), round(left * width + 8 * px)
            layer[at[0] : at[0] + round(16 * px), at[1] : at[1] + round(16 * px)] = 0.3
        page = np.minimum(page, layer) if what == 5 else page * layer
    return np.asarray(page, np.float32)


def _light(where: NDArray[np.float64], size_mm: tuple[float, float], chance: np.random.Generator) -> Grey:
    """A slope of light, and often the shadow of a hand with a soft edge."""
    share = where / np.array(size_mm)
    angle = chance.uniform(0, 2 * np.pi)
    along = share[..., 0] * np.cos(angle) + share[..., 1] * np.sin(angle)
    light = 1 - chance.uniform(0, 0.4) * (along - along.min()) / np.ptp(along)
    if chance.random() < 0.5:
        edge = (along - np.quantile(along[::16, ::16], chance.uniform(0.3, 0.8))) / chance.uniform(0.01, 0.1)
        light = light * (1 - chance.uniform(0.2, 0.5) / (1 + np.exp(-np.clip(edge, -30, 30))))
    return np.asarray(light, np.float32)


def _motion(seen: NDArray[Any], chance: np.random.Generator) -> Grey:
    length = int(chance.integers(2, 4))
    kernel = np.ones((1, length), np.float32) / length
    return np.asarray(cv2.filter2D(seen, -1, kernel if chance.random() < 0.5 else kernel.T), np.float32)
