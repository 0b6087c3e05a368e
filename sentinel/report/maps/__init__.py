"""The maps of a study, drawn or taken over, and the folder of `sentinel map`."""
