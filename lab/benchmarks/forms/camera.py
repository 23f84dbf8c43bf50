"""Where each point of a page lands in a scan or photo: a bent sheet before a camera with a lens."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (..., 2)
DISTANCE_MM = 600.0  # from the camera to the page's middle


@dataclass(frozen=True)
class Camera:
    """turn_deg: within the page's plane. tilt_deg: of the camera about an axis of that direction. bend_mm: how high the
    sheet's middle stands above its edges, along bend_deg. lens: share by which the corners are pushed outwards."""

    dpi: float
    turn_deg: float = 0.0
    tilt_deg: float = 0.0
    tilt_axis_deg: float = 0.0
    bend_mm: float = 0.0
    bend_deg: float = 0.0
    lens: float = 0.0
    margin_mm: float = 4.0

    def project(self, points: Points, size_mm: tuple[float, float]) -> Points:
        """Pixels from the image's middle, of points in millimetres from the page's top left corner."""
        page = np.asarray(points, np.float64) - np.array(size_mm) / 2
        along = np.array([np.cos(np.radians(self.bend_deg)), np.sin(np.radians(self.bend_deg))])
        half = float(np.abs(np.array(size_mm) / 2 @ np.abs(along)))
        u = page @ along
        height = self.bend_mm * (1 - (u / half) ** 2)
        # The sheet keeps its length: where it rises it comes nearer to its middle. Integral of z'^2 / 2.
        shortened = (2 * self.bend_mm / half**2) ** 2 * u**3 / 6
        flat = page - shortened[..., None] * along
        x, y, z = flat[..., 0], flat[..., 1], height
        axis = np.radians(self.tilt_axis_deg)
        rotation, _ = cv2.Rodrigues(np.radians(self.tilt_deg) * np.array([np.cos(axis), np.sin(axis), 0.0]))
        turned = np.stack([x, y, -z], axis=-1) @ rotation.T
        depth = DISTANCE_MM + turned[..., 2]
        # A flatbed scanner sees straight down; only what is tilted is seen by a camera.
        nearer = DISTANCE_MM / depth if self.tilt_deg else 1 - turned[..., 2] / (8 * DISTANCE_MM)
        seen = turned[..., :2] * np.asarray(nearer)[..., None]
        radius = np.hypot(*size_mm) / 2
        seen = seen * (1 + self.lens * ((seen / radius) ** 2).sum(axis=-1, keepdims=True))
        angle = np.radians(self.turn_deg)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray(seen @ turn.T * self.dpi / 25.4)


@dataclass(frozen=True, eq=False)
class View:
    """A camera's image of a page: its size in pixels, and the map in both directions."""

    camera: Camera
    size_mm: tuple[float, float]
    width: int
    height: int
    middle: Points

    @classmethod
    def of(cls, camera: Camera, size_mm: tuple[float, float]) -> "View":
        """The image that just holds the page and a margin."""
        edge = np.linspace(0, 1, 33)
        rim = np.concatenate([np.stack([edge, 0 * edge + end], 1) for end in (0, 1)])
        rim = np.concatenate([rim, rim[:, ::-1]]) * np.array(size_mm)
        seen = camera.project(rim, size_mm)
        low, high = seen.min(axis=0), seen.max(axis=0)
        margin = camera.margin_mm * camera.dpi / 25.4
        width, height = (high - low + 2 * margin).astype(int)
        return cls(camera, size_mm, int(width), int(height), margin - low)

    def to_pixels(self, points: Points) -> Points:
        """Pixel coordinates (x, y), the middle of the first pixel at 0, of points in millimetres."""
        return self.camera.project(points, self.size_mm) + self.middle - 0.5

    def to_page(self) -> Points:
        """(height, width, 2): the point of the page, in millimetres, that each pixel sees. By fixed-point iteration."""
        step = 8
        columns, rows = np.arange(0, self.width + step, step), np.arange(0, self.height + step, step)
        pixels = np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float64)
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64) * self.size_mm
        back = cv2.getPerspectiveTransform(self.to_pixels(corners).astype(np.float32), corners.astype(np.float32))

        def plane(points: Points) -> Points:
            return np.asarray(cv2.perspectiveTransform(points.reshape(-1, 1, 2), back).reshape(points.shape))

        wanted = plane(pixels)
        page = wanted.copy()
        for _ in range(12):
            page = page + wanted - plane(self.to_pixels(page))
        grid_x, grid_y = np.meshgrid(np.arange(self.width) / step, np.arange(self.height) / step)
        return np.stack(
            [
                cv2.remap(page[..., axis].astype(np.float32), grid_x.astype(np.float32), grid_y.astype(np.float32),
                          cv2.INTER_LINEAR)
                for axis in (0, 1)
            ],
            axis=-1,
        )  # fmt: skip
