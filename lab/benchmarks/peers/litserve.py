"""LitServe as its documentation builds a server, with this project's decoders and model.

    python -m lab.benchmarks.peers.litserve PORT BATCH_SIZE

https://lightning.ai/docs/litserve
"""

import sys
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import litserve

from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor

WAIT_S = 0.01
"""For a batch to fill, as the worker does."""

Pair = tuple[bytes | None, bytes | None]


class DigitAPI(litserve.LitAPI):  # type: ignore[misc]
    """Reads one image and one clip, base64 in JSON."""

    def setup(self, device: str) -> None:
        self._predictor = Predictor.load()
        self._predictor.warm_up()

    def decode_request(self, request: dict[str, str]) -> Pair:
        return _bytes(request.get("image")), _bytes(request.get("audio"))

    def batch(self, inputs: Sequence[Pair]) -> Sequence[Pair]:
        return inputs

    def predict(self, x: Sequence[Pair]) -> list[Any]:
        decoded = decode_batch(list(x))
        for sample in decoded:
            if isinstance(sample, Exception):
                raise sample
        return list(self._predictor.predict([sample for sample in decoded if isinstance(sample, ModelInput)]))

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: Any) -> Any:
        return output.model_dump(mode="json")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def main() -> None:
    port, batch_size = map(int, sys.argv[1:])
    api = DigitAPI(max_batch_size=batch_size, batch_timeout=WAIT_S)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
