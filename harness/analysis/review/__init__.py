"""A campaign as one document: everything that its review page shows, and nothing of how."""
