"""Readers of what users bring: manifests and folders of samples. No decoder, no model."""
