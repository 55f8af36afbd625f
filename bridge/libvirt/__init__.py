"""Domain XML: reading, writing, and what libvirt adds by itself."""
