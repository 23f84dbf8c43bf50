"""What forms keep of their own: pages, fields, crops and corrections, since predictions expire."""
