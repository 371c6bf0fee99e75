"""What an acceptable event, file and row are. Nothing here waits, logs or asks for the time."""
