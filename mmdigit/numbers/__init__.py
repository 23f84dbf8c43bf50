"""Numbers that are spoken in one breath, or written on a line without boxes: cut into digits by the model itself."""
