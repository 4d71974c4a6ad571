"""The functions, one blueprint per noun: parse, call the domain, answer. azure.functions lives here alone."""
