"""The commands: each in the order of steps that is safe.

What the order guarantees: a one-time code is not spent before everything else was checked; a token
is in the journal before anything else happens to it; the account is checked before anything is
written; and a run that is killed anywhere can be followed by another.
"""
