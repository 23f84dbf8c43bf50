"""A small sample pack that the project draws and speaks itself."""
