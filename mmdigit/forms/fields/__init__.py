"""The value of a field from its boxes, the chance that it is right, and whether a person has to look."""
