"""Reads digits: decodes images and clips, runs the model, decides. Independent of queues and stores."""
