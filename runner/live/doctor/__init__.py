"""Before the first order: whatever can be known to be wrong is asked for; nothing that lasts is changed."""
