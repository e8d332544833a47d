"""Cloudflare by its REST API, without Node: Pages, Workers static assets, and temporary accounts."""
