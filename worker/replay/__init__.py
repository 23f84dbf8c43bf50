"""`python -m worker replay`: sends dead letters back to the topic of jobs."""
