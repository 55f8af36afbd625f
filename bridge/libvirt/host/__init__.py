"""A libvirt host: asked through a child process, and what it says that it can do."""
