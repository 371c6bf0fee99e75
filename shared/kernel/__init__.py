"""Pure rules and values: time, ids, periods and money."""
