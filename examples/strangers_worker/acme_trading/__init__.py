"""Acme's trading desk on optarb.

Nothing is imported here: the workflow sandbox executes this file too, and a workflow must not import pandas.
"""
