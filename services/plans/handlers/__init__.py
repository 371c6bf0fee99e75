"""What the plans service does: load, decide, save and tell, one transaction each."""
