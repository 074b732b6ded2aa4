"""From the records of the tasks to the tables people read."""
