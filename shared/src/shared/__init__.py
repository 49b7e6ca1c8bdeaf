"""Value types, contracts and runtime that every Basketry service stands on."""
