"""What may be shown of a study: results pass through here before anything is drawn."""
