"""The language server, for editors: what is found while code is written, and what can be done about it.

Needs the extra `lsp`. What clients count and call things is known here only; `analysis` asks the engine.
"""
