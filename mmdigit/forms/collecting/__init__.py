"""`mmdigit form collect`: from the predictions of a page's jobs to the values of its fields."""
