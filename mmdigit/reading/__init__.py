"""Bytes in, answer out: decoding of images and clips, the model, the decision. Knows nothing of queues and stores."""
