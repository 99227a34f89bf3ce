"""One bot on one account: closed bars in, wanted orders out, nothing lost in between."""
