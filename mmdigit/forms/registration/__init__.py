"""Where each point of a page lies in its scan: markers, the page laid flat, the printed boxes of its fields."""
