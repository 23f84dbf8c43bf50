"""Draws letters in the installed fonts, handwriting's and others: characters that are no digits, for training.

Each font is optional; docs/use/data.md names the packages. No letter that looks like a digit is among them.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmdigit.reading.image.normalize import lay_out

FONTS = Path("/usr/share/fonts")
LATIN = "ACEFHJKMNPRTUVWXacdefhkmnprtuvwx&@#%?$*=<>"  # not O, D, l, I, Z, S, B, b, G, g, q, y, and what is like them
OTHERS = "АГДЕЖИКЛМНПРСТУФХЦШЩЫЮЯагджийклмнпртуфхцшщюяΓΔΛΞΠΣΦΨΩαγεηλμξπψω"  # not О, З, Б, б, Ч, В, Ь, Э, δ, θ, σ, ρ
HANDWRITING = (
    *("kristi/Kristi.ttf", "humor-sans/Humor-Sans.ttf", "fifthhorseman/dkg.ttf", "fifthhorseman/dkgIt.ttf"),
    *(
        "ecolier-court/Ecolier-court.ttf",
        "rufscript/Rufscript010.ttf",
        "breip/Breip.ttf",
        "femkeklaver/femkeklaver.ttf",
    ),
    *("tomsontalks/TomsonTalks.ttf", "comic-neue/ComicNeue-Light.otf", "comic-neue/ComicNeue-Italic.otf"),
    *("femkeklaver/femkeklaver.ttf", "dancingscript/DancingScript-Regular.otf"),
)
PRINT = ("dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-ExtraLight.ttf", "dejavu/DejaVuSerif-Italic.ttf")
SIZE, CANVAS = 120, 320  # pixels


def letters(folder: Path = FONTS) -> NDArray[np.uint8]:
    """Each letter in each installed font, laid out as MNIST's digits: (N, 28, 28), uint8, 255 = ink; N may be 0.

    folder: with the folders truetype/ and opentype/.
    """
    images = []
    for names, text in ((HANDWRITING, LATIN), (PRINT, LATIN + OTHERS)):
        paths = [folder / kind / name for name in names for kind in ("truetype", "opentype")]
        fonts = [ImageFont.truetype(str(path), SIZE) for path in paths if path.is_file()]
        images += [drawn for font in fonts for letter in text if (drawn := _draw(letter, font)) is not None]
    return np.stack(images) if images else np.zeros((0, 28, 28), np.uint8)


def _draw(letter: str, font: ImageFont.FreeTypeFont) -> NDArray[np.uint8] | None:
    """(28, 28), uint8; None if the font draws nothing."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(canvas).text((CANVAS // 3, CANVAS // 4), letter, 255, font)
    pixels = np.asarray(canvas)
    left, top, width, height = cv2.boundingRect((pixels > 60).view(np.uint8))
    if width * height == 0:
        return None
    ink = pixels[top : top + height, left : left + width].astype(np.float32) / np.float32(255)
    return np.round(lay_out(ink) * 255).astype(np.uint8)
