"""The calls of the SDK that the agent worker makes, and no others."""
