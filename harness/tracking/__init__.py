"""MLflow beside the journal: a campaign's runs in a store, and the address they are opened at."""
