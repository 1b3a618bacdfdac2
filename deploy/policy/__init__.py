"""What a function may do in an AWS account, and which line of its code needs it.

`reading` finds calls of boto3 in the user's code, `seen` those that an emulator saw; `actions` and
`arns` say what a call needs; `needs` adds what triggers and the runtime need; `document` writes it
as IAM reads it.
"""
