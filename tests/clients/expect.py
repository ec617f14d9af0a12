"""What the Python scripts have in common: the server, its credentials, and the expectations of a client."""

import json
import os
import sys

MOCK_URL = os.environ["MOCK_URL"]
CREDENTIALS = json.loads(os.environ["CREDENTIALS"])


class Client:
    """Counts what is as expected, and ends the program at the first thing that is not."""

    def __init__(self, name):
        self.name, self.passed = name, 0

    def expect(self, operation, expected, got):
        if got != expected:
            sys.exit(f"{self.name}: {operation}: expected {expected!r}, got {got!r}")
        self.passed += 1

    def report(self):
        print(f"{self.name}: {self.passed} passed")
