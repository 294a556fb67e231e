"""The service over HTTP: ``/api/v1`` with its errors, its guards and its numbers. Everything it does, others do."""
