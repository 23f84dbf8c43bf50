"""Redis's events, out of the chunks in which a socket gives them."""

from lab.kit.observer import times_in


def event(key: str) -> bytes:
    parts = ["message", "__keyevent@0__:set", key]
    return b"*3\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(part), part.encode()) for part in parts)


def test_an_event_has_the_time_of_its_last_byte() -> None:
    first, second = event("mmdigit:prediction:a"), event("mmdigit:prediction:b")
    whole = first + second
    assert times_in([(1.0, whole)]) == {"a": [1.0], "b": [1.0]}
    for cut in range(1, len(whole)):
        found = times_in([(1.0, whole[:cut]), (2.0, whole[cut:])])
        assert found == {"a": [1.0 if cut >= len(first) else 2.0], "b": [2.0]}


def test_a_prediction_set_twice_has_two_times() -> None:
    assert times_in([(1.0, event("mmdigit:prediction:a")), (3.0, event("mmdigit:prediction:a"))]) == {"a": [1.0, 3.0]}


def test_other_keys_are_no_predictions() -> None:
    assert times_in([(1.0, event("mmdigit:dead:a") + event("mmdigit:observer"))]) == {}
    assert times_in([]) == {}
