"""Flask glue: the request's scope with the only commit, the access gate, errors, headers, templates."""
