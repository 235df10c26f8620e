"""A pytest plugin for the agent team's own tests."""
