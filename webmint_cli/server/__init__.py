"""What answers HTTP: the preview of a site, and what any server of ours needs to listen."""
