"""Fakes of the bridge's ports: they implement them, record what was asked, and can be told to fail."""
