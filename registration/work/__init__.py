"""One message: one workspace brought to its desired state, from the look at it to what is known of it afterwards."""
