"""What a host knows: its storages, mapped devices, CPU models, versions. Only `facts` and `probe` read files here."""
