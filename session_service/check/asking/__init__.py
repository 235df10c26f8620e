"""How an endpoint is asked: the call and its variations, the bytes that go out, and what may come back."""
