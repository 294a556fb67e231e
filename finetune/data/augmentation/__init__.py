"""How training images vary: the family by name, policies, what the class names forbid, and the transforms."""
