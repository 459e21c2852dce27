"""Neural architecture search: controllers, evaluators, the loop, executors, training, export."""
