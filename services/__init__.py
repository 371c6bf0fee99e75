"""The four services of Milepost. None imports another."""
