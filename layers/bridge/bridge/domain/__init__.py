"""The bridge's own words, pure: no AWS, no HTTP, no clock, no environment."""
