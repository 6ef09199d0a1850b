"""The service of evangelists: nomination, the yearly word, activities, messages, erasure."""
