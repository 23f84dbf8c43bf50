"""Planned utterances: seeded, each says its tokens, and number words stand where they change a digit."""

from mmdigit.training.data import pronunciations
from mmdigit.training.data.speech_engines import ENGINES
from mmdigit.training.data.spoken_strings import NUMBER_WORD_TOKENS
from mmdigit.training.data.utterances import STRING_LENGTHS, plan_number_words, plan_strings

ESPEAK = next(engine for engine in ENGINES if engine.name == "espeak")


def test_planned_strings_say_their_tokens() -> None:
    plan, tokens = plan_strings([ESPEAK], 200, seed=1)
    lengths = [len(said) for said in tokens[::2]]
    assert (min(lengths), max(lengths)) == STRING_LENGTHS
    assert {token for said in tokens[::2] for token in said} == set(range(10))
    lexicon = ESPEAK.lexicons[0]
    spellings = (*lexicon.digits, (), *lexicon.number_words)
    for utterance, said in zip(plan, tokens, strict=True):
        assert all(word in spellings[token] for word, token in zip(utterance.text.split(), said, strict=True))


def test_half_of_the_planned_strings_have_number_words() -> None:
    plan, tokens = plan_strings([ESPEAK], 400, seed=1)
    (double, triple, no), changed = NUMBER_WORD_TOKENS, 0
    for utterance, said in zip(plan, tokens, strict=True):
        words = utterance.text.split()
        assert [word in pronunciations.NUMBER_WORDS for word in words] == [token > 10 for token in said]
        changed += any(token > 10 for token in said)
        for before, token, after in zip((10, *said), (*said, 10), (*said[1:], 10, 10), strict=True):
            assert token not in {double, triple} or after < 10
            assert token != no or (before < 10 and after < 10)
    assert 120 < changed < 200
    assert {token for said in tokens for token in said} == {*range(10), double, triple, no}


def test_number_words_are_planned_equally_often() -> None:
    plan = plan_number_words([ESPEAK], 90, seed=1)
    for word in pronunciations.NUMBER_WORDS:
        assert sum(utterance.text == word for utterance in plan) == 30
