"""The pages, one module for each tab: handlers that read Redis by operations and give Views."""
