"""The main job of each user of the portal, done in a real browser on the whole demo.

Nothing of the portal is imported here but the names of the demo's accounts: what happened is read
where a person reads it, on the pages, in the downloads, in the mail that the demo keeps.
"""
