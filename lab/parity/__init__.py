"""A recorded day of trading beside its replay in virtual time: each difference with its cause."""
