"""Golden mails: what every template says and looks like, in every language, to the byte."""
