"""What came of a run, for people and for programs.

Decided here: nothing. `view` cleans a run's report of everything that must not show; `terminal`, `document` (JSON),
`junit` and `github` write what is left. The four know nothing but the view, so that none of them can leak.
"""
