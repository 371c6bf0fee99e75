"""What the four services share: the language between them and the parts they run on."""
