"""The neutral VM: structures without logic, one module per kind.

Every field has three states: None (not said), a value that somebody said, and a value that `resolve` filled in
(then its name is in the part's `filled`).
"""
