"""The look of mails: set by administrators, versioned, previewed and tried out."""
