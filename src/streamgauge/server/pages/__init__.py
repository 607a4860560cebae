"""The on-call pages: what goes on now, one incident, monitors, streams. HTML from Jinja, kept fresh by htmx.

Each page is one file with its routes and one template; the part of it that changes is asked for again whenever the
engine has a new picture, and replaced in place. Nothing is loaded from elsewhere.
"""
