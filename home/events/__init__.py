"""Events and community calls: when they are, who comes, and what readers take into a calendar."""
