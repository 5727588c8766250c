"""The live day without Temporal: planner, execution, guard, limits, the day, replay."""
