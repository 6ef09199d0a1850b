"""What the portal writes by e-mail: its texts, the log of what went out, and who wants none of it.

`core.mail` queues and sends; the parts here are what it asks and what staff look at.
"""
