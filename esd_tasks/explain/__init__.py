"""Why labels change: which steps, levels, bands and days of a year are not normal."""
