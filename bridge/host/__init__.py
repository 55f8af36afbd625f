"""What a host knows: storages, mappings, versions."""
