"""Colour to grey: luma, or another projection where ink and paper are equally bright."""
import cv2
import numpy as np
from numpy.typing import NDArray
from mmdigit.ink import Grey
LUMA=np.array([0.299,0.587,0.114],np.float32)
def luma(colour: NDArray[np.float32]) -> Grey:
    return np.asarray(colour @ LUMA, np.float32)
def grey_of(rgb: NDArray[np.uint8]) -> Grey:
    return luma(rgb.astype(np.float32))/np.float32(255)
