"""What runs in the child process: the only code that imports torch.

It may run under another Python interpreter than evallint's own, where evallint is not installed. So it imports nothing
but the standard library, itself, and what is found there: torch, and the project.
"""
