"""Tables: reading them, preparing their columns, and streaming those that do not fit in memory."""
