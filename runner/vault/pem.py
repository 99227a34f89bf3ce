"""Private keys in PEM, which an exchange takes instead of a shared secret: it never holds the private part.

In: a text. Out: why it is none, or nothing.
Refuses to know: which exchange.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def looks_like_pem(text: str) -> bool:
    """Whether somebody meant a private key."""
    return text.startswith("-----BEGIN ")


def why_unfit(text: str) -> str | None:
    """None for an Ed25519 or RSA key without a passphrase of its own."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        return "the private key has a passphrase of its own; take it off, the vault encrypts it"
    except (ValueError, UnsupportedAlgorithm):
        return "this is no private key in PEM, or a part of it is missing"
    if isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        return None
    return "the exchange takes Ed25519 and RSA keys only"
