"""Answers that several packages give."""

from django.http import HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """After a POST: go and read the other page; every browser follows with a GET."""

    status_code = 303
