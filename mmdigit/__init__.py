"""The model: image and audio bytes in, an answer out. Knows nothing of queues and stores."""
