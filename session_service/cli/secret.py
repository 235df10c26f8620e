"""`session-service secret`: a secret that nobody guesses and every header can carry."""

import secrets

import click


@click.command("secret")
def command() -> None:
    """Print a new strong secret: 32 random bytes as URL-safe base64."""
    print(secrets.token_urlsafe(32))
