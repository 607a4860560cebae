"""How fast, how big, how soon: measured on real servers, compared with others in the same run."""
