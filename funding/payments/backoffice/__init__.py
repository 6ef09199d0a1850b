"""Money in the back office: the menu "Money", its lists and the pages on which staff decide."""
