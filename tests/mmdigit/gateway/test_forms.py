"""Page decoders are taken in turn, and end with their block."""

import asyncio

from mmdigit.forms.pages.page import SinglePage
from mmdigit.gateway.forms import Decoders
from tests.mmdigit.forms.worker.fakes import page_content


def test_decoders_are_one_request_s_at_a_time() -> None:
    async def use() -> None:
        with Decoders(2) as decoders:
            async with decoders.one() as first, decoders.one() as second:
                assert first is not second
                third = asyncio.ensure_future(decoders.one().__aenter__())
                await asyncio.sleep(0)
                assert not third.done()
            assert await third in (first, second)

    asyncio.run(use())


def test_decoder_comes_back_after_an_error() -> None:
    async def use() -> None:
        with Decoders(1) as decoders:
            for _ in range(2):
                try:
                    async with decoders.one():
                        raise LookupError
                except LookupError:
                    pass
            async with decoders.one() as decoder:
                [page] = decoder.split(page_content())
                assert isinstance(page, SinglePage)

    asyncio.run(use())
