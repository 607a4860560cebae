"""Dashboards, rules and exporters of the whole path."""
