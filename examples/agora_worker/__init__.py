"""An agent for Agora channels, to copy and change: it joins, hears the tester, answers, and leaves after it.

Decided here: nothing. `__main__` puts the modules together; each of them has one decision and says which.
"""
