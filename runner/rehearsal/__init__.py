"""The whole bot against an exchange in a box that plays history, and a verdict on what came of it."""
