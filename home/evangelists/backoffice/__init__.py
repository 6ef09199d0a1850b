"""Evangelists in the back office: who is nominated, who serves, what they enter, what is reported."""
