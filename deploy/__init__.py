"""A plan (data), then its application over the platform's own API.

`wants/` says what an app asks for, as resources; `live` reads what is there; `plan` compares the
two and what a state remembers; `apply` takes the steps.  Every kind of resource is one file in
`kinds/`, of one shape (`kinds/base.py`), and the rest of this package knows no kind by name.

To add a kind: a file `kinds/NAME.py` with a frozen dataclass below `Resource` that says its `kind`,
`platform` and `part`, the fields that are `shown`, what it `needs` (keys, `kind:name`), and how it
is read, created, updated and deleted, each of which may be done twice; its class in
`kinds/__init__.py`; and in `wants/` the pure function that yields it for a `Function`.  What hangs
on one Lambda function says `hangs = True` and has `hanging`; what carries tags says
`tagged = True`, is created with the tag `pelton:app`, and has `tagged_with`; what carries none and
calls a function has `pointing`.  What downtime or cost follows is said by `follows`, what takes
another's place by `instead_of`.
"""
