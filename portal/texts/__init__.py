"""The words a new site begins with, and the demo's: data, no code. Staff edit them as pages."""
