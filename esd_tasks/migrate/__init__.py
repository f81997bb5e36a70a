"""Labels of one year carried to others: what stayed, what changed and when, and what it became."""
