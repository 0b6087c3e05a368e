"""How files leave the house: staging, ledger, audit log, records and the manifest."""
