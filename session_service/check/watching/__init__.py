"""Whether an agent really comes to a session and leaves it: seen on the operator's port, or from the tester's seat."""
