"""What the service costs, measured side by side with what it is compared with."""
