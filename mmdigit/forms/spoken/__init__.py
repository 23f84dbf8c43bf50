"""Recordings of fields that were read aloud: each digit that is heard joins the box in which it is written."""
