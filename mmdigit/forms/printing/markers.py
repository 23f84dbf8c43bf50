"""The eight ArUco markers of every page, and their detector: 4x4 bits, OpenCV's dictionary cut down to eight."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.template.layout import N_MARKERS

BITS = 6  # modules of a side: 4, and a black border of one


@cache
def dictionary() -> cv2.aruco.Dictionary:
    """The first eight of DICT_4X4_50: any two differ in at least 6 of 16 bits, however they are turned."""
    whole = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    return cv2.aruco.Dictionary(whole.bytesList[:N_MARKERS], whole.markerSize, whole.maxCorrectionBits)


def modules(marker: int) -> NDArray[np.bool_]:
    """(BITS, BITS), True = black."""
    return np.asarray(cv2.aruco.generateImageMarker(dictionary(), marker, BITS) == 0)
