"""What people see of the API's answers, with its exact decimals."""
