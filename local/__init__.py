"""What one machine needs to run the bridge: a simulated gateway and an emulated AWS."""
