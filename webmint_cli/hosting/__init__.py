"""What a static host does with a folder: routes, redirects, headers and media types, as Cloudflare Pages has them.

Pure functions over text and names; who serves or uploads files is elsewhere.
"""
