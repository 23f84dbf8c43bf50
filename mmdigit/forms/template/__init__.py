"""A form as `form.yaml` describes it: read, checked, and laid out in millimetres."""
