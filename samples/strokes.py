"""Stroke templates of the ten digits and of some letters, made up for this pack and not traced from anybody's writing.

A template is a string of strokes separated by `|`. A stroke lists the points x,y that the pen passes through, in
hundredths of the character's height, x to the right and y downwards. A repeated point is a sharp corner; elsewhere the
pen moves smoothly.
"""

Point = tuple[float, float]
Stroke = tuple[Point, ...]
Template = tuple[Stroke, ...]


def _template(strokes: str) -> Template:
    return tuple(tuple(_point(point) for point in stroke.split()) for stroke in strokes.split("|"))


def _point(point: str) -> Point:
    x, y = point.split(",")
    return int(x) / 100, int(y) / 100


DIGITS: dict[int, tuple[Template, ...]] = {
    0: (
        # an oval, begun at the upper right
        _template("56,06 36,02 14,22 08,55 20,90 42,98 64,80 70,45 60,14 44,03"),
        # narrow, its end crossing its beginning
        _template("50,00 30,08 18,40 20,78 36,99 54,82 60,42 50,12 34,06"),
        # round, left a little open
        _template("46,04 20,14 04,48 14,84 42,97 70,82 80,48 68,16 54,07"),
    ),
    1: (
        # one stroke down
        _template("42,01 41,30 39,65 38,99"),
        # with an upstroke
        _template("22,26 36,14 46,01 46,01 45,40 44,99"),
        # with an upstroke and a foot
        _template("24,24 46,02 46,02 46,50 45,97 | 22,97 46,96 70,97"),
    ),
    2: (
        # a swan with a flat foot
        _template("12,26 24,08 46,02 66,16 62,40 38,70 08,96 08,96 40,94 76,95"),
        # with a loop at the foot
        _template("12,22 28,05 52,04 64,22 56,48 34,80 14,94 05,86 18,79 44,91 76,93"),
        # angular and wide
        _template("08,14 40,02 68,12 66,34 40,62 10,92 10,92 44,96 80,90"),
    ),
    3: (
        # two bows
        _template("14,14 36,02 62,12 58,36 32,46 32,46 62,54 72,76 52,96 24,96 08,84"),
        # flat top
        _template("12,06 40,05 66,04 66,04 34,42 34,42 60,48 72,70 54,94 28,97 10,86"),
        # a small loop in the waist
        _template("16,10 42,02 62,18 50,40 32,48 28,43 36,41 60,52 70,76 48,97 10,90"),
    ),
    4: (
        # open at the top
        _template("22,04 14,32 08,58 08,58 40,57 78,54 | 60,10 58,50 55,99"),
        # closed at the top
        _template("58,02 34,32 06,66 06,66 40,66 80,64 | 58,02 58,50 56,99"),
        # a soft bow, the stem long
        _template("18,06 12,34 20,50 44,49 64,42 | 66,02 62,45 56,99"),
    ),
    5: (
        # belly first, then the flag
        _template("22,06 20,24 17,44 17,44 40,38 64,50 68,74 46,96 10,92 | 22,06 44,05 70,03"),
        # in one stroke
        _template("70,04 46,05 24,07 24,07 18,42 18,42 44,38 66,54 64,80 40,97 10,88"),
        # narrow, with a short flag
        _template("26,04 22,46 22,46 42,42 58,60 52,86 32,98 12,90 | 25,05 60,06"),
    ),
    6: (
        # a wide bow
        _template("60,04 34,20 14,52 14,82 36,98 62,86 60,62 38,52 15,70"),
        # a straight stem and a small loop
        _template("46,01 30,32 17,68 24,93 46,97 62,78 48,60 26,66 17,80"),
        # a curl, nearly a C
        _template("66,10 48,02 22,20 08,56 20,90 46,97 66,78 54,56 30,56 12,72"),
    ),
    7: (
        # two straight lines
        _template("10,07 40,05 72,04 72,04 52,46 34,99"),
        # with a bar
        _template("10,07 40,07 72,03 72,03 52,46 36,99 | 26,52 46,49 68,47"),
        # a hook at the left, the stem curved
        _template("10,20 12,05 12,05 40,08 72,03 72,03 54,30 42,62 40,99"),
    ),
    8: (
        # one S and back
        _template("60,12 38,02 16,16 24,38 50,54 68,76 50,96 22,94 12,74 34,50 58,32 60,12"),
        # two circles
        _template("40,44 18,32 22,08 42,01 60,12 58,34 40,44 | 38,45 14,62 14,88 40,98 66,86 62,58 40,44"),
        # begun at the right, left open at the top
        _template("66,04 40,04 18,20 32,42 58,64 56,90 32,98 14,84 24,60 50,38 70,12"),
    ),
    9: (
        # a straight stem
        _template("62,12 40,02 16,16 16,40 38,50 60,32 64,10 64,10 62,50 58,99"),
        # a curved tail
        _template("62,16 42,03 16,16 16,42 42,50 62,32 65,14 66,46 54,82 20,96"),
        # a round head, the stem slanting
        _template("66,20 50,02 24,06 12,28 28,48 52,38 68,12 68,12 56,50 40,98"),
    ),
}

SCRIBBLES: tuple[Template, ...] = (
    # A E H K M N R W X and an arrow: people write them, but they are not digits
    _template("08,98 40,02 40,02 74,98 | 20,62 62,60"),
    _template("66,04 16,05 16,05 14,97 14,97 68,95 | 16,50 56,48"),
    _template("12,03 12,98 | 68,02 66,97 | 12,50 68,48"),
    _template("16,02 14,98 | 66,04 18,52 18,52 70,97"),
    _template("06,98 14,04 14,04 42,60 42,60 72,03 72,03 80,97"),
    _template("12,97 14,04 14,04 64,96 64,96 66,02"),
    _template("16,98 16,04 16,04 52,06 62,26 46,46 18,50 18,50 70,97"),
    _template("02,04 22,96 22,96 42,30 42,30 62,96 62,96 84,02"),
    _template("10,05 70,95 | 70,04 08,96"),
    _template("04,52 80,50 | 54,24 82,50 82,50 52,78"),
)
