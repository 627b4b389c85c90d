"""Numbers from records: what was measured, compared, chosen and lost; `report` draws them."""
