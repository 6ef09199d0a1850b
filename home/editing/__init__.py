"""What helps those who edit pages: links that broke, pages to read again, translations to do."""
