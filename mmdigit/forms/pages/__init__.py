"""Scanned files to grey pages, or to files of one page each, in a process of its own with bounded time and memory."""
