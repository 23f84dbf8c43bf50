"""A scanned sheet: which page of the form it is, where its fields lie, and what is kept of it."""
