"""How dates read where Django's own habit does not suit (the setting FORMAT_MODULE_PATH)."""
