"""The limits of an image, whatever its format: sides, pixels, and memory while it is decoded.

tests/lab/fuzz/test_limits.py measures what an image at the limits costs.
"""

from schemas.errors import InvalidImage

MAX_PIXELS = 12_500_000  # a 12-megapixel photo
MIN_SIDE = 8  # pixels; below this, digits cannot be told apart
MAX_SIDE = 16_384  # pixels; each row has a cost of its own, and no photo is longer
MAX_DECODED_BYTES = 104_000_000  # the pixels and the decoder's own memory: 8 bytes for each of MAX_PIXELS
MAX_DEEP_BYTES = 24_000_000  # the size up to which all 16 bits of several channels are read


def check_size(width: int, height: int) -> None:
    """Raises InvalidImage if an image of this size, in pixels, is too small, too large or too long."""
    if width * height > MAX_PIXELS:
        raise InvalidImage(f"expected at most {MAX_PIXELS} pixels, got {width}x{height}; send a smaller crop")
    if max(width, height) > MAX_SIDE:
        raise InvalidImage(f"expected sides of at most {MAX_SIDE} pixels, got {width}x{height}; send a crop")
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(f"expected at least {MIN_SIDE}x{MIN_SIDE} pixels, got {width}x{height}; send a larger crop")


def check_memory(n_bytes: int) -> None:
    """Raises InvalidImage if decoding would take more than MAX_DECODED_BYTES."""
    if n_bytes > MAX_DECODED_BYTES:
        raise InvalidImage(
            f"expected an image that takes at most {MAX_DECODED_BYTES // 1_000_000} MB to decode, "
            f"got one that takes {n_bytes // 1_000_000} MB; send a smaller crop"
        )
