"""What the bridge does, one verb a module, over the ports of `bridge.ports`."""
