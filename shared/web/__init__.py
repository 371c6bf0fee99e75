"""HTTP: the application, problems, access and paging."""
