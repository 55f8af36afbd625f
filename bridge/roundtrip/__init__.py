"""Two documents, or two VMs, held against each other: what the metadata of an XML may say, and what a conversion changed."""
