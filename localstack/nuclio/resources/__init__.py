"""The dashboard's resources, one a file, all of one shape: a class with `async answer(call)`.

A resource reads what was asked (`call.Call`), asks the part that keeps it, and says the answer;
it keeps nothing itself.  Paths, statuses, headers and texts are those of Nuclio's public dashboard
(pkg/dashboard/resource and docs/reference/api in nuclio/nuclio).
"""
