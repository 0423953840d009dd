"""What is wrong or at risk in a live Redis and the set-up: ``pyresque doctor`` and the dashboard's page. It reads only."""
