"""E-mail for people: the page to unsubscribe, and staff's pages of texts and of what went out."""
