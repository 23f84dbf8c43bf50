"""How records and predictions move: ports and their adapters."""
