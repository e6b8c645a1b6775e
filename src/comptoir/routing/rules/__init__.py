"""Pure decisions of routing: does a rule match (conditions), may it fire (guard), who takes it (assignment)."""
