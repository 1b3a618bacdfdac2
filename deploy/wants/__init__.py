"""What an app asks for, as resources: functions and artifacts in, data out.

One platform a file, and one for what lies between functions.  Pure: what only a platform can tell
(account, queues that are there) comes in as a `Place`.  What a platform cannot give is refused
here, by function and by name.
"""
