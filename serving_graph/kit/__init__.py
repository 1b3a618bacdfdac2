"""What the kinds of step are made of: the one shape of a step, and what several kinds share."""
