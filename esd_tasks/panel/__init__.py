"""A balanced panel: one row a unit and year, from the same pixels in every year."""
