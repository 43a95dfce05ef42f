"""What runs outside a request: the embedded Postgres, migrations, demonstration data, serving."""
