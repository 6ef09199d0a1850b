"""English for readers everywhere: the day first and the month in letters, as 27 November 2026."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i"
