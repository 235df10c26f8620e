"""FastAPI's hello world: what `benchmarks.start` compares a start of the service with."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello() -> dict[str, str]:
    """Greet."""
    return {"hello": "world"}
