"""What the bridge keeps under <metadata>."""
