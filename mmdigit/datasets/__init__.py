"""Finds samples in manifests, folders and public data sets. Decodes nothing: no decoder, no model, no torch."""
