"""The customer's side of a Cekura test run, as a service. Nothing is imported here: a command takes what it needs."""
