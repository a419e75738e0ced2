"""The events page: what reaches the queues of the local stack, live, and the life of each message."""
